// The page as a whole, on made-up run folders.
#include "report/report.h"

#include "base/error.h"
#include "base/file.h"
#include "experiment/results.h"
#include "report/merge.h"
#include "support/folder.h"
#include "support/sample_run.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

using namespace ablate;
namespace fs = std::filesystem;

namespace {

std::string page_of(const fs::path& folder) {
  report::write_report(folder);
  return read_text(folder / "report.html");
}

/// What stands between two marks, from the first place they are found at.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t start = text.find(from);
  return start == std::string::npos ? "" : text.substr(start, text.find(to, start) - start);
}

std::vector<double> data_values(const std::string& markup) {
  std::vector<double> values;
  const std::string mark = "<data value=\"";
  for (std::size_t at = markup.find(mark); at != std::string::npos; at = markup.find(mark, at + 1))
    values.push_back(std::strtod(markup.c_str() + at + mark.size(), nullptr));
  return values;
}

/// The first element that is not closed, or closes what is not open; empty if there is none. Style and script hold no markup.
std::string unbalanced(std::string html) {
  for (const std::string name : {"style", "script"}) {
    const std::size_t start = html.find("<" + name + ">"), end = html.find("</" + name + ">");
    html.erase(start, end + name.size() + 3 - start);
  }
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const bool closing = html[at + 1] == '/';
    const std::size_t start = at + 1 + closing, end = html.find_first_of(" >", start);
    const std::string name = html.substr(start, end - start);
    if (name == "!doctype" || name == "meta" || name == "link") continue;
    if (!closing) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + "> after <" + (open.empty() ? "" : open.back()) + ">";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "<" + open.back() + ">";
}

}  // namespace

TEST_CASE("the table's numbers are those of results.json") {
  const TestFolder folder;
  const fs::path run = write_sample_run(folder.path());
  const std::vector<double> shown = data_values(between(page_of(run), "<table class=\"sweep\"", "</table>"));
  const Results results = read_results(run / "results.json");
  REQUIRE(results.rows.size() == 24);
  std::vector<double> expected;
  for (std::size_t i = 0; i < 24; i += 3)
    for (const char* metric : {"perplexity", "sink_ratio", "spike"}) {
      double sum = 0;
      for (std::size_t seed = 0; seed < 3; ++seed) sum += results.rows[i + seed].metrics.number(metric);
      expected.push_back(sum / 3);
      for (const auto& [name, value] : results.rows[i].reference)
        if (name == metric) expected.push_back(value);
    }
  CHECK(shown == expected);

  const std::vector<double> all = data_values(between(page_of(run), "<table class=\"numbers\"", "</table>"));
  std::vector<double> scalars;
  for (const Row& row : results.rows)
    for (const auto& [name, metric] : row.metrics)
      if (const double* number = std::get_if<double>(&metric)) scalars.push_back(*number);
  CHECK(all == scalars);
}

TEST_CASE("the page is one well-formed file that loads nothing") {
  const TestFolder folder;
  const std::string page = page_of(write_sample_run(folder.path()));
  CHECK(unbalanced(page) == "");
  for (const char* part : {"http:", "https:", "src=", "@import", "url("}) CHECK(page.find(part) == std::string::npos);
  for (const char* id : {"results", "effects", "curves", "life-cycle", "heads", "figures", "numbers", "made"})
    CHECK(page.find(std::string("<section id=\"") + id + "\">") != std::string::npos);
  CHECK(page.find("ablate run experiments/paper/normalization.toml --set scale=7m") != std::string::npos);
  CHECK(page.find("NVIDIA H200") != std::string::npos);
  CHECK(page.find("What is missing") == std::string::npos);
  CHECK(page.find("GeLU &lt;16512 wide&gt; &amp; friends") != std::string::npos);
  CHECK(page.find("<16512") == std::string::npos);
}

TEST_CASE("names from files cannot become markup") {
  const TestFolder folder;
  const std::string evil = "</title></style><script>alert(1)</script><img src=x onerror='a'>";
  folder.write("manifest.json", "{\"title\": \"" + evil + "\", \"description\": \"" + evil + "\", \"device\": \"" + evil +
                                    "\", \"notes\": [\"" + evil + "\"], \"command\": [\"ablate\", \"" + evil +
                                    "\"], \"points\": [{\"id\": \"a\", \"label\": \"" + evil + "\", \"configuration\": {\"" + evil +
                                    "\": \"" + evil + "\"}}]}");
  folder.write("results.json", "{\"experiment\": \"" + evil + "\", \"rows\": [{\"point\": {\"id\": \"a\", \"label\": \"" + evil +
                                   "\"}, \"metrics\": {\"" + evil + "\": 1, \"loss\": 2, \"figures\": [{\"kind\": \"bar\", \"title\": \"" +
                                   evil + "\", \"x\": {\"categories\": [\"" + evil + "\"]}, \"series\": [{\"name\": \"" + evil +
                                   "\", \"y\": [1], \"labels\": [\"" + evil + "\"]}]}]}}]}");
  folder.write("points/a/metrics.jsonl", "{\"step\": 0, \"" + evil + "\": 1}\n{\"step\": 1, \"" + evil + "\": 2}\n");
  const std::string page = page_of(folder.path());
  CHECK(unbalanced(page) == "");
  CHECK(page.find("<img") == std::string::npos);
  CHECK(page.find("alert(1)</script>") == std::string::npos);
}

TEST_CASE("an interrupted run has a page that says what is missing") {
  const TestFolder folder;
  const fs::path run = write_sample_run(folder.path(), {.seeds = 1, .finished = 5});
  const std::string page = page_of(run);
  CHECK(page.find("5 of 8 points done") != std::string::npos);
  CHECK(page.find("3 of 8 points have no result yet: 06-gate-per-head-seed-1") != std::string::npos);
  CHECK(data_values(between(page, "<table class=\"sweep\"", "</table>")).size() == 3 * (5 + 8));
  CHECK(page.find("not run") != std::string::npos);

  SUBCASE("the row that results.json does not have yet comes from its point") {
    fs::remove(run / "results.json");
    const std::string again = page_of(run);
    CHECK(again.find("results.json is not there.") != std::string::npos);
    CHECK(data_values(between(again, "<table class=\"sweep\"", "</table>")) ==
          data_values(between(page, "<table class=\"sweep\"", "</table>")));
  }
  SUBCASE("without a manifest") {
    fs::remove(run / "manifest.json");
    const std::string again = page_of(run);
    CHECK(again.find("manifest.json is not there.") != std::string::npos);
    CHECK(data_values(between(again, "<table class=\"sweep\"", "</table>")).size() == 3 * (5 + 5));
    CHECK(unbalanced(again) == "");
  }
  SUBCASE("a torn log") {
    const fs::path log = run / "points" / "01-pre-norm-seed-1" / "metrics.jsonl";
    const std::string text = read_text(log);
    write_atomically(log, std::string_view(text).substr(0, text.size() - 17));
    CHECK(unbalanced(page_of(run)) == "");
  }
}

TEST_CASE("a row without a number says why") {
  const TestFolder folder;
  const Plan plan = read_plan(
      folder.write("x.toml",
                   "name = \"x\"\nkind = \"probe\"\n[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\n[[variant]]\nname = \"c\"\n"
                   "[[variant]]\nname = \"d\"\n"));
  ResultsFolder results(folder.path() / "runs", plan, false);
  results.add(row_of(plan.points.at(0), {{"loss", 2.0}, {"spike", 7.0}}));
  results.add(row_of(plan.points.at(1), {{"loss", 3.0}, {"spike", NAN}, {"non_finite", 4.0}}));
  Row failed = row_of(plan.points.at(2), {});
  failed.error = "out of memory";
  results.add(failed);
  results.flush();
  results.write_manifest({}, {}, 1);
  const std::string table = between(page_of(results.path()), "<table class=\"sweep\"", "</table>");
  for (const char* why : {">not finite</span>", ">failed</span>", ">not run</span>"})
    CHECK_MESSAGE(table.find(why) != std::string::npos, why);
}

TEST_CASE("a damaged file never stops the page") {
  const TestFolder folder;
  const fs::path run = write_sample_run(folder.path(), {.seeds = 1, .last = 1});
  fs::remove_all(run / "points");
  const std::string manifest = read_text(run / "manifest.json"), results = read_text(run / "results.json");
  for (const char* junk :
       {"", "[]", "3", "{\"rows\": 3, \"points\": \"x\", \"experiment\": 4}", "{\"rows\": [1, {\"metrics\": []}], \"points\": [[], null]}",
        R"({"rows": [{"point": {"id": 7}, "metrics": {"sink_score": [[1], 2, []], "spike_per_state": [null, "x"],
                      "step_up_blocks": [null, {}, "a"], "figures": [{}, 3]}}]})"}) {
    CAPTURE(junk);
    write_atomically(run / "results.json", junk);
    CHECK(unbalanced(page_of(run)) == "");
    write_atomically(run / "results.json", results);
    write_atomically(run / "manifest.json", junk);
    CHECK(unbalanced(page_of(run)) == "");
    write_atomically(run / "manifest.json", manifest);
  }
  for (std::size_t size = 0; size < results.size(); size += 97) {
    write_atomically(run / "results.json", std::string_view(results).substr(0, size));
    CHECK(page_of(run).find("results.json is damaged") != std::string::npos);
  }
}

TEST_CASE("a damaged row, or a line in the middle of a log, is missed by name") {
  const TestFolder folder;
  folder.write("results.json", R"({"experiment": "x", "rows": [{"point": {"id": "1", "label": "a"}, "metrics": {}}]})");
  folder.write("points/1/metrics.jsonl",
               "{\"step\": 0, \"loss\": 3}\n{\"step\": 1, \"lo\x01\x01\n{\"step\": 2, \"loss\": 1}\n{\"step\": 3, \"lo");
  folder.write("points/2/row.json", "{\"point\": {\n\"id\": \"2\",}}");
  std::string missing;
  for (const std::string& line : report::read_run(folder.path()).missing) missing += line + "\n";
  CHECK(missing.find("metrics.jsonl:2 is damaged") != std::string::npos);
  CHECK(missing.find("metrics.jsonl:4") == std::string::npos);  // torn by a kill
  CHECK_MESSAGE(missing.find("row.json:2:11: not JSON") != std::string::npos, missing);
}

TEST_CASE("points that differ only in the seed are one row") {
  const TestFolder folder;
  const auto groups = [&](const std::string& labels) {
    folder.write("results.json", "{\"experiment\": \"x\", \"rows\": [" + labels + "]}");
    std::vector<std::string> names;
    for (const report::Row& row : report::read_run(folder.path()).rows) names.push_back(row.group);
    return names;
  };
  const auto row = [](const std::string& id, const std::string& label, const std::string& seed) {
    return "{\"point\": {\"id\": \"" + id + "\", \"label\": \"" + label + "\", \"seed\": " + seed + "}, \"metrics\": {}}";
  };
  CHECK(groups(row("1", "a, seed=1", "1") + "," + row("2", "a, seed=12", "12")) == std::vector<std::string>{"a", "a"});
  CHECK(groups(row("1", "a, seed=12, lr=0.1", "12")) == std::vector<std::string>{"a, lr=0.1"});
  CHECK(groups(row("1", "seed=1, lr=0.1", "1")) == std::vector<std::string>{"lr=0.1"});
  CHECK(groups(row("1", "seed=1", "1") + "," + row("2", "seed=2", "2")) == std::vector<std::string>{"all points", "all points"});
  CHECK(groups(row("1", "seed=12", "1")) == std::vector<std::string>{"seed=12"});
}

TEST_CASE("a folder that holds no run is refused") {
  const TestFolder folder;
  CHECK_THROWS_WITH_AS(report::read_run(folder.path()), doctest::Contains("neither manifest.json nor results.json"), InputError);
  CHECK_THROWS_WITH_AS(report::read_run(folder.path() / "nothing"), doctest::Contains("no such folder"), InputError);
}

TEST_CASE("a run is found in the folder that was given to ablate run") {
  const TestFolder folder;
  const fs::path run = write_sample_run(folder.path(), {.seeds = 1, .last = 0});
  CHECK(report::run_folders(folder.path()) == std::vector{run});
  CHECK(report::run_folders(run) == std::vector{run});
  CHECK(report::run_folders(folder.path() / "nothing") == std::vector{folder.path() / "nothing"});
}

TEST_CASE("shards of one sweep become one table, and merge into one folder") {
  const TestFolder folder;
  const fs::path whole = write_sample_run(folder.path() / "whole");
  const fs::path first = write_sample_run(folder.path() / "a", {.last = 10}), second = write_sample_run(folder.path() / "b", {.first = 11});
  const std::vector<report::Run> runs = report::side_by_side({report::read_run(second), report::read_run(first)});
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].missing.empty());
  const std::string table = "<table class=\"sweep\"";
  CHECK(data_values(between(report::report_html(runs), table, "</table>")) == data_values(between(page_of(whole), table, "</table>")));

  report::merge_runs({second, first}, folder.path() / "merged");
  CHECK(read_text(folder.path() / "merged" / "results.json") == read_text(whole / "results.json"));
  CHECK(between(page_of(folder.path() / "merged"), "<section id=\"curves\"", "</section>") ==
        between(page_of(whole), "<section id=\"curves\"", "</section>"));
  CHECK_THROWS_WITH_AS(report::merge_runs({first}, folder.path() / "merged"), doctest::Contains("holds results already"), InputError);

  const fs::path other = write_sample_run(folder.path() / "c", {.last = 3, .shift = 1});
  CHECK_THROWS_WITH_AS(report::merge_runs({first, other}, folder.path() / "no"), doctest::Contains("other results"), InputError);
}

TEST_CASE("two runs of one sweep stand beside each other") {
  const TestFolder folder;
  const fs::path a = write_sample_run(folder.path() / "monday", {.seeds = 1}),
                 b = write_sample_run(folder.path() / "tuesday", {.seeds = 1, .shift = 0.1});
  const std::vector<report::Run> runs = report::side_by_side({report::read_run(a), report::read_run(b)});
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].label == "monday");
  CHECK(runs[1].label == "tuesday");
  const std::string page = report::report_html(runs);
  CHECK(unbalanced(page) == "");
  CHECK(data_values(between(page, "<table class=\"sweep\"", "</table>")).size() == 8 * 3 * 3);
  CHECK(page.find("tuesday: DynamicTanh") != std::string::npos);
}

// The folders that tests/report/report_browser.sh looks at.
TEST_CASE("sample run folders for a browser") {
  const char* folder = std::getenv("ABLATE_SAMPLE_FOLDER");
  if (!folder) return;
  const fs::path out = folder;
  write_sample_run(out / "full");
  write_sample_run(out / "interrupted", {.seeds = 1, .finished = 5});
  write_sample_run(out / "again", {.seeds = 1, .shift = 0.05});
}

TEST_CASE("the page of a run that goes on loads itself again, and no other") {
  const TestFolder folder;
  const fs::path run = write_sample_run(folder.path(), {.seeds = 1, .finished = 3});
  report::write_report(run, /*live=*/true);
  const std::string live = read_text(run / "report.html");
  CHECK(live.find("setTimeout(function () { location.reload(); }, 10000)") < live.find("</head>"));
  CHECK(live.find("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>") < live.find("</head>"));
  CHECK(live.find("still running, this page follows") != std::string::npos);
  const std::string still = page_of(run);
  CHECK(still.find("location.reload") == std::string::npos);
  CHECK(still.find("http-equiv") == std::string::npos);
  CHECK(still.find("still running") == std::string::npos);
}
