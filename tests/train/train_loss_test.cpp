// The metric train_loss against the steps that the log has.
#include "experiment/results.h"
#include "support/run_request.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("train_loss is the mean of the last tenth of the steps") {
  const TemporaryFolder folder;
  REQUIRE(run_plan(run_request(folder, R"(
name = "n"
kind = "train"
model = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2, max_seq_len = 16}
data = {source = "bigram_backcopy", symbols = 33}
train = {steps = 30, batch = 2, seq_len = 16, log_every = 1, eval_windows = 2, lr = 0.01}
)",
                               {})) == 0);
  const Results results = read_results(folder.path() / "runs/n/results.json");
  REQUIRE(results.rows.size() == 1);
  const std::vector<Metrics> log = read_log(folder.path() / "runs/n/points" / results.rows[0].id / "metrics.jsonl");
  REQUIRE(log.size() == 30);
  double mean = 0;
  for (std::size_t step = 27; step < 30; ++step) mean += log[step].number("loss") / 3;
  CHECK(results.rows[0].metrics.number("train_loss") == doctest::Approx(mean).epsilon(1e-9));
  CHECK(log[29].number("loss") != doctest::Approx(mean).epsilon(1e-6));
}
