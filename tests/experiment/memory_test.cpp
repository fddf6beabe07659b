// The memory that is planned before a run starts against what its buffers took.
#include "base/error.h"
#include "base/file.h"
#include "model/json_settings.h"
#include "support/run_request.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

namespace {

const char* const base = R"(
name = "m"
kind = "train"
title = "memory"
[data]
source = "bigram_backcopy"
[model]
vocab_size = 70
d_model = 48
n_layers = 3
n_heads = 3
n_kv_heads = 1
head_dim = 16
d_ffn = 100
max_seq_len = 96
[train]
steps = 1
batch = 6
seq_len = 50
eval_windows = 20
)";

}  // namespace

TEST_CASE("a run takes the memory that was planned") {
  const std::vector<std::vector<std::string>> variants = {
      {},
      {"train.precision=\"mixed-f16\"", "train.batch=12", "train.accumulate=3"},
      {"model.gate=\"channel\"", "model.d_ffn=700", "train.batch=3", "train.seq_len=96"},
      {"model.attention=\"sigmoid\"", "model.ffn=\"attention\"", "train.optimizer=\"sgd\""}};
  for (const auto& sets : variants) {
    CAPTURE(sets.empty() ? "as it is" : sets[0]);
    const TemporaryFolder folder;
    const RunRequest what = run_request(folder, base, sets);
    const double planned = static_cast<double>(planned_memory(what).total());
    CHECK(run_plan(what) == 0);
    Settings results = settings_from_json(read_text(folder.path() / "runs/m/results.json"), "results.json");
    const double taken = results.tables("rows").at(0).table("metrics").get<double>("memory_bytes");
    CHECK(std::abs(planned - taken) <= 0.05 * taken);
  }
}

// The sums of the gradients' norm are cut elsewhere: a rounding of a norm that clips moves a step of training by as much.
TEST_CASE("parameters in several allocations train like those in one") {
  std::vector<double> losses;
  for (const char* without : {"", "allocation=100000"}) {
    const TemporaryFolder folder;
    REQUIRE(run_plan(run_request(folder, base, {"train.steps=5", "train.batch=2", "train.eval_windows=4", "train.precision=\"mixed-bf16\""},
                                 without)) == 0);
    Settings results = settings_from_json(read_text(folder.path() / "runs/m/results.json"), "results.json");
    losses.push_back(results.tables("rows").at(0).table("metrics").get<double>("loss"));
  }
  CHECK(losses[1] == doctest::Approx(losses[0]).epsilon(1e-4));
}

TEST_CASE("too little memory is refused before anything is written") {
  const TemporaryFolder folder;
  const RunRequest what = run_request(folder, base, {}, "heap=1500000");
  CHECK_THROWS_WITH_AS(run_plan(what), doctest::Contains("1.5 MB are free"), DeviceError);
  CHECK_THROWS_WITH_AS(run_plan(what), doctest::Contains("raise train.accumulate (now 1), or lower train.batch"), DeviceError);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "runs"));
}
