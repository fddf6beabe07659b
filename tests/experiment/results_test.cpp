#include "experiment/results.h"

#include "base/error.h"
#include "support/folder.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;

namespace {

Plan plan_in(const TestFolder& folder, const std::string& extra = "") {
  return read_plan(folder.write("x.toml", "name = \"x\"\nkind = \"probe\"\n" + extra + R"(
[[variant]]
name = "base, plain"
reference = {perplexity = 10.1}
[[variant]]
name = "other"
[sweep]
seed = [1, 2]
)"));
}

Row row_of(const Plan& plan, std::size_t index, double loss) {
  return row_of(plan.points[index], {{"loss", loss},
                                     {"spike_per_state", std::vector<double>{0.5, NAN, 3818}},
                                     {"sink_score", std::vector<std::vector<double>>{{0.1}, {0.2}}},
                                     {"dtype", std::string("f32")}});
}

}  // namespace

TEST_CASE("results: rows come back bit for bit, NaN as null") {
  const TestFolder folder;
  const Plan plan = plan_in(folder);
  {
    ResultsFolder results(folder.path() / "runs", plan, false);
    results.add(row_of(plan, 2, 0.1 + 0.2));
    results.add(row_of(plan, 0, NAN));
    results.flush();
  }
  const Results read = read_results(folder.path() / "runs/x/results.json");
  CHECK(read.experiment == "x");
  REQUIRE(read.rows.size() == 2);
  CHECK(read.rows[0].id == "01-base-plain-seed-1");  // in the order of the plan
  CHECK(read.rows[0].reference == std::vector<std::pair<std::string, double>>{{"perplexity", 10.1}});
  CHECK(std::isnan(read.rows[0].metrics.number("loss")));
  CHECK(read.rows[1].metrics.number("loss") == 0.1 + 0.2);
  CHECK(to_text(read.rows[1].swept.at(0).second) == "1");
  const auto& states = std::get<std::vector<double>>(*read.rows[1].metrics.find("spike_per_state"));
  CHECK(states[2] == 3818);
  CHECK(std::isnan(states[1]));
  CHECK(std::get<std::vector<std::vector<double>>>(*read.rows[1].metrics.find("sink_score"))[1][0] == 0.2);
  CHECK(
      read_text(folder.path() / "runs/x/results.json").find("\"spike_per_state\": [\n          0.5,\n          null,\n          3818\n") !=
      std::string::npos);
  CHECK(read_text(folder.path() / "runs/x/results.csv") ==
        "id,label,name,seed,loss,dtype,reference.perplexity\n"
        "01-base-plain-seed-1,\"base, plain, seed=1\",\"base, plain\",1,,f32,10.1\n"
        "03-other-seed-1,\"other, seed=1\",other,1,0.30000000000000004,f32,\n");
}

TEST_CASE("results: resume reads finished rows back, a failed one is done again") {
  const TestFolder folder;
  const Plan plan = plan_in(folder);
  {
    ResultsFolder results(folder.path(), plan, true);
    results.add(row_of(plan, 1, 2.0));
    Row failed = row_of(plan, 3, 0);
    failed.error = "NaN at step 3";
    results.add(failed);
    CHECK(results.rows().size() == 2);
    results.add(failed);
    CHECK(results.rows().size() == 2);  // one row a point
    results.flush();
    CHECK(read_text(folder.path() / "x/results.csv").find(",NaN at step 3\n") != std::string::npos);
    CHECK_FALSE(results.finished(plan.points[3]));
    CHECK_THROWS_AS(ResultsFolder(folder.path(), plan, true), InputError);  // locked
  }
  {
    ResultsFolder results(folder.path(), plan, true);
    CHECK(results.finished(plan.points[1]));
    CHECK_FALSE(results.finished(plan.points[3]));
    results.add(row_of(plan, 3, 1.0));
    CHECK(results.rows().size() == 2);
  }
  CHECK(read_results(folder.path() / "x/results.json").rows.size() == 2);
  CHECK_THROWS_WITH_AS(ResultsFolder(folder.path(), plan_in(folder, "[model]\nd_model = 8\n"), true),
                       doctest::Contains("row.json: made with other settings"), InputError);
  CHECK_NOTHROW(ResultsFolder(folder.path(), plan_in(folder, "title = \"words do not matter\"\n"), true));
}

TEST_CASE("results: a new run keeps all before it, each in a folder of its own, and moves nothing else") {
  const TestFolder folder;
  const Plan plan = plan_in(folder);
  for (const double loss : {1.0, 2.0, 3.0, 4.0}) {
    ResultsFolder results(folder.path(), plan, false);
    results.add(row_of(plan, 0, loss));
    results.add_needed(row_of(plan, 1, loss));
    folder.write("x/notes.txt", "mine");
  }
  const auto loss_in = [&](const char* name) {
    return read_results(folder.path() / name / "results.json").rows.at(0).metrics.number("loss");
  };
  CHECK(loss_in("x") == 4.0);
  CHECK(loss_in("x/previous") == 1.0);
  CHECK(loss_in("x/previous-2") == 2.0);
  CHECK(loss_in("x/previous-3") == 3.0);
  CHECK(std::filesystem::exists(folder.path() / "x/previous-3/needed"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "x/previous-2/previous"));
  CHECK(read_text(folder.path() / "x/notes.txt") == "mine");
  CHECK_FALSE(std::filesystem::exists(folder.path() / "x/previous/notes.txt"));
}

TEST_CASE("results: a folder that no run wrote is refused, and nothing in it changes") {
  for (const char* file : {"x/diary.txt", "x/points/01/mine.txt", "x/results.json", "x/manifest.json"}) {
    CAPTURE(file);
    const TestFolder folder;
    const Plan plan = plan_in(folder);
    folder.write(file, "{\"mine\": 1}");
    for (const bool resume : {false, true})
      CHECK_THROWS_WITH_AS(ResultsFolder(folder.path(), plan, resume), doctest::Contains("not a folder that a run wrote"), InputError);
    std::size_t entries = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "x")) entries += entry.is_regular_file();
    CHECK(entries == 1);
    CHECK(read_text(folder.path() / file) == "{\"mine\": 1}");
  }
}

TEST_CASE("results: what a run that was stopped at once left is no hindrance") {
  const TestFolder folder;
  const Plan plan = plan_in(folder);
  { const ResultsFolder stopped(folder.path(), plan, false); }
  CHECK_NOTHROW(ResultsFolder(folder.path(), plan, false));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "x/previous"));
}

TEST_CASE("results: a point that was only needed has no row") {
  const TestFolder folder;
  const Plan plan = plan_in(folder);
  {
    ResultsFolder results(folder.path(), plan, false);
    CHECK_FALSE(results.finished(Turn{0, false}));
    results.add_needed(row_of(plan, 0, 1.0));
    results.add(row_of(plan, 1, 2.0));
    CHECK(results.finished(Turn{0, false}));
    CHECK_FALSE(results.finished(Turn{0, true}));
    CHECK(results.rows().size() == 1);
  }
  {
    ResultsFolder results(folder.path(), plan, true);
    CHECK(results.finished(Turn{0, false}));
    CHECK(results.rows().size() == 1);
  }
  std::filesystem::remove_all(folder.path() / "x/points");
  CHECK_THROWS_WITH_AS(ResultsFolder(folder.path(), plan_in(folder, "[model]\nd_model = 8\n"), true),
                       doctest::Contains("row.json: made with other settings"), InputError);
}

TEST_CASE("results: the manifest says what was run") {
  const TestFolder folder;
  const Plan plan = plan_in(folder);
  ResultsFolder results(folder.path(), plan, false);
  Environment environment;
  environment.device = "llvmpipe \xff";  // a driver's name need not be UTF-8
  environment.caps = {"f16"};
  environment.shader_hashes = {{"norm/rmsnorm", "00ff"}};
  results.write_manifest(environment, {resolve(plan.points[0])}, 1.5);
  const std::string text = read_text(results.path() / "manifest.json");
  for (const char* part :
       {"\"wall_seconds\": 1.5", "\"norm/rmsnorm\": \"00ff\"", "\"sink_epsilon\": 0.3", "\"label\": \"other, seed=2\""}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("results: what cannot be read or written is said") {
  const TestFolder folder;
  CHECK_THROWS_WITH_AS(read_results(folder.write("r.json", "{\"experiment\": ")), doctest::Contains("r.json:1:16: not JSON"), InputError);
  CHECK_THROWS_AS(read_results(folder.write("r.json", "{\"experiment\": \"x\", \"rows\": [{}]}")), InputError);
  folder.write("file", "");
  CHECK_THROWS_WITH_AS(ResultsFolder(folder.path() / "file", plan_in(folder), false),
                       doctest::Contains("file: is a file: results go into a folder"), InputError);
  std::filesystem::create_symlink("/nowhere", folder.path() / "link");
  CHECK_THROWS_WITH_AS(ResultsFolder(folder.path() / "link", plan_in(folder), false),
                       doctest::Contains("link: is a link to /nowhere, which is not there"), InputError);
}

TEST_CASE("metrics log: a torn last line is dropped and resume cuts at a step") {
  const TestFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  {
    MetricsLog log(path);
    for (int step = 0; step < 5; ++step) log.append({{"step", double(step)}, {"loss", 1.0 / (step + 3)}, {"note", std::string("a\nb")}});
  }
  const std::string whole = read_text(path);
  folder.write("metrics.jsonl", whole + "{\"step\": 5, \"lo");
  REQUIRE(read_log(path).size() == 5);
  CHECK(read_log(path)[4].number("loss") == 1.0 / 7);
  {
    MetricsLog log(path, 2);
    log.append({{"step", 3.0}});
  }
  REQUIRE(read_log(path).size() == 4);
  CHECK(read_text(path).substr(0, whole.size() / 2) == whole.substr(0, whole.size() / 2));
  CHECK(read_log(folder.path() / "none.jsonl").empty());
  { MetricsLog fresh(path); }
  CHECK(read_log(path).empty());
  folder.write("metrics.jsonl", "{\"step\": 1}\nnonsense\n");
  CHECK_THROWS_WITH_AS(read_log(path), doctest::Contains("metrics.jsonl:2: not a line of metrics"), InputError);
}
