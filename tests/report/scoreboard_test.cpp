// The claims at the top of the page.
#include "base/file.h"
#include "report/merge.h"
#include "report/report.h"
#include "report/sections.h"
#include "results/results_file.h"
#include "support/folder.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::report;
namespace fs = std::filesystem;

namespace {

const std::vector<Claim> claims{{"Gates lower it", "spike('gate') < spike('base')", "Table 5", "f"},
                                {"Norms raise it", "spike('norm') > spike('base') and per_state[1]('base') > 0", "", "f"}};

ablate::Row row(const std::string& name, double spike, const std::string& seed = "") {
  ablate::Row row;
  row.id = seed.empty() ? name : name + "-" + seed;
  row.name = name;
  row.label = seed.empty() ? name : name + ", seed=" + seed;
  if (!seed.empty()) row.swept.emplace_back("seed", Value{seed, ""});
  row.metrics = {{"spike", spike}, {"per_state", std::vector<double>{0, spike}}};
  return row;
}

/// A folder as a run leaves it that has done `rows` of a plan of base, gate and norm.
fs::path write_run(const fs::path& folder, const std::vector<ablate::Row>& rows, bool results = true) {
  fs::create_directories(folder);
  std::string points, said;
  for (const char* name : {"base", "gate", "norm"})
    points += fmt::format("{}{{\"id\": \"{}\", \"label\": \"{}\", \"name\": \"{}\", \"settings\": {{\"name\": \"{}\"}}}}",
                          points.empty() ? "" : ", ", name, name, name, name);
  for (const Claim& claim : claims)
    said += fmt::format("{}{{\"text\": \"{}\", \"holds\": \"{}\"}}", said.empty() ? "" : ", ", claim.text, claim.holds);
  write_atomically(
      folder / "manifest.json",
      fmt::format("{{\"experiment\": \"x\", \"settings\": {{\"kind\": \"train\"}}, \"points\": [{}], \"claims\": [{}]}}", points, said));
  if (results) write_results(folder, {"x", rows, claims});
  return folder;
}

Verdict verdict(const Document& document, std::size_t claim, std::size_t run = 0) {
  return document.claims.at(claim).judgements.at(run).value().verdict;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("scoreboard: opens the page, with verdicts, sides, and links to the rows and back") {
  const TestFolder folder;
  const std::vector<Run> runs{read_run(write_run(folder.path() / "x", {row("base", 10), row("gate", 5), row("norm", 10)}))};
  const Document document(runs);
  CHECK(verdict(document, 0) == Verdict::holds);
  CHECK(verdict(document, 1) == Verdict::fails);
  const std::string page = report_html(runs);
  CHECK(page.find("1 of 2 claims holds, 1 fails.") != std::string::npos);
  CHECK(page.find("<section id=\"claims\">") < page.find("<section id=\"results\">"));
  CHECK(page.find("spike(&#39;gate&#39;) &lt; spike(&#39;base&#39;): 5 against 10, 1 seed") != std::string::npos);
  CHECK(page.find("Table 5") != std::string::npos);
  for (const char* part : {"<tr id=\"claim-1\">", "<a href=\"#row-0-1\">gate</a>", "<tr id=\"row-0-1\">", "<a href=\"#claim-1\">1</a>"})
    CHECK_MESSAGE(page.find(part) != std::string::npos, part);
  CHECK(count_of(page, "<a href=\"#claim-1\">") == 2);  // at base and gate
  CHECK(count_of(page, "<a href=\"#claim-2\">") == 2);  // at base and norm
}

TEST_CASE("scoreboard: what is not there yet, or failed, is open and says why") {
  const TestFolder folder;
  const auto reason = [&](const fs::path& run, std::size_t claim) {
    const std::vector<Run> runs{read_run(run)};
    const Document document(runs);
    CHECK(verdict(document, claim) == Verdict::open);
    return document.claims.at(claim).judgements.at(0)->reason;
  };
  CHECK(reason(write_run(folder.path() / "partial", {row("base", 10)}), 0) == "“gate” was not run");
  CHECK(reason(write_run(folder.path() / "begun", {}, false), 1) == "“norm” was not run");
  ablate::Row failed = row("gate", 5);
  failed.error = "out of memory", failed.metrics = {};
  CHECK(reason(write_run(folder.path() / "failed", {row("base", 10), failed}), 0) == "“gate” failed");
  CHECK(reason(write_run(folder.path() / "nan", {row("base", 10), row("gate", std::nan(""))}), 0) ==
        "spike of “gate” is not a finite number");
}

TEST_CASE("scoreboard: shards are judged together, runs beside each other a column each") {
  const TestFolder folder;
  const auto read = [](const fs::path& a, const fs::path& b) { return side_by_side({read_run(a), read_run(b)}); };
  const std::vector<Run> shards = read(write_run(folder.path() / "1" / "x", {row("base", 10), row("norm", 20)}),
                                       write_run(folder.path() / "2" / "x", {row("gate", 5)}));
  REQUIRE(shards.size() == 1);
  const Document together(shards);
  CHECK(verdict(together, 0) == Verdict::holds);
  CHECK(verdict(together, 1) == Verdict::holds);

  const std::vector<Run> runs = read(write_run(folder.path() / "a" / "x", {row("base", 10), row("gate", 5), row("norm", 20)}),
                                     write_run(folder.path() / "b" / "x", {row("base", 10), row("gate", 50)}));
  REQUIRE(runs.size() == 2);
  const Document beside(runs);
  CHECK(verdict(beside, 0, 0) == Verdict::holds);
  CHECK(verdict(beside, 0, 1) == Verdict::fails);
  CHECK(verdict(beside, 1, 1) == Verdict::open);
  CHECK(report_html(runs).find("a: 2 of 2 claims hold · b: 0 of 2 claims hold, 1 fails, 1 open.") != std::string::npos);
  CHECK(score_line(runs) == "a: 2 of 2 claims hold · b: 0 of 2 claims hold, 1 fails, 1 open");
  CHECK(score_line(std::vector<Run>(1)) == "");
}

TEST_CASE("scoreboard: a claim that cannot be read is told, and never holds") {
  const TestFolder folder;
  const fs::path run = write_run(folder.path() / "x", {row("base", 10), row("gate", 5)});
  std::string text = read_text(run / "results.json");
  text.replace(text.find("spike('gate') <"), 15, "spike('gate') ?");
  write_atomically(run / "results.json", text);
  const Run read = read_run(run);
  CHECK(read.claims.size() == 1);
  REQUIRE(read.missing.size() == 1);
  CHECK(read.missing[0].find("A claim is left out") == 0);
}
