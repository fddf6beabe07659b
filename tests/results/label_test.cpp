#include "results/label.h"

#include "experiment/plan.h"
#include "experiment/results.h"
#include "report/run.h"
#include "support/folder.h"

#include <doctest/doctest.h>

using namespace ablate;

namespace {

Plan sweep_of(const std::string& swept) {
  return parse_plan(
      "name = \"x\"\nkind = \"probe\"\nmodel = {preset = \"planted\", vocab_size = 35}\ndata = {source = \"bigram_backcopy\", symbols = 33}\n"
      "[sweep]\n" +
          swept + "\n[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\n",
      "f.toml");
}

/// What the points are called without the seed that repeats them.
std::vector<std::string> rows_of(const std::string& swept) {
  std::vector<std::string> names;
  for (const Point& point : sweep_of(swept).points) names.push_back(without_seed(point.label, swept_seed(point.swept)));
  return names;
}

}  // namespace

TEST_CASE("labels: the seed that repeats a point is left out, the seed of anything else is a setting") {
  using Names = std::vector<std::string>;
  CHECK(rows_of("seed = [1, 2]") == Names{"a", "a", "b", "b"});
  CHECK(rows_of("data.seed = [1, 2]") == Names{"a, seed=1", "a, seed=2", "b, seed=1", "b, seed=2"});
  CHECK(rows_of("data.seed = [1]\nseed = [1, 2]") == Names{"a, data.seed=1", "a, data.seed=1", "b, data.seed=1", "b, data.seed=1"});
  CHECK(rows_of("seed = [1]\ntrain.lr = [0.5]") == Names{"a, lr=0.5", "b, lr=0.5"});
  CHECK(without_seed("seed=7", "7") == "all points");
  CHECK(without_seed("seed=1, x, seed=1", "1") == "seed=1, x");  // a variant's name may hold what it likes
  CHECK(without_seed("seed=70", "7") == "seed=70");
}

TEST_CASE("labels: a report groups points that were not run as it does the others") {
  for (const auto& [swept, group] : {std::pair{"seed = [0, 1]", "a"}, std::pair{"data.seed = [0, 1]", "a, seed=0"}}) {
    const TestFolder folder;
    const Plan plan = sweep_of(swept);
    std::vector<Value> configuration;
    for (const Point& point : plan.points) configuration.push_back(resolve(point));
    ResultsFolder(folder.path(), plan, false).write_manifest({}, configuration, 0);
    CHECK(report::read_run(folder.path() / "x").rows.at(0).group == group);
  }
}
