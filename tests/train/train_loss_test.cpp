// What a training tells of its steps: train_loss against the log, and the gradients of the first.
#include "experiment/results.h"
#include "model/safetensors.h"
#include "support/device.h"
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

// Of f16 they are those of a loss times 65536. Roundings of 2^-11 on the way, some dozen of them, are far from that.
TEST_CASE("gradients that are written are those of the loss, whatever it was scaled by") {
  if (!pipelines().device().caps().storage16) return skip("gradients of a scaled loss", "no 16-bit storage");
  double norms[2] = {};
  for (const bool half : {false, true}) {
    const TemporaryFolder folder;
    REQUIRE(run_plan(run_request(folder, R"(
name = "n"
kind = "train"
model = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2, max_seq_len = 16}
data = {source = "bigram_backcopy", symbols = 33}
train = {steps = 1, batch = 2, seq_len = 16, eval_windows = 2, dump_gradients = true}
)",
                                 {std::string("train.precision=") + (half ? "mixed-f16" : "f32")})) == 0);
    const SafetensorsFile file(folder.path() / "runs/n/points/01-n/gradients.safetensors");
    for (const std::string& name : file.names())
      for (const float value : file.at(name).floats()) norms[half] += double(value) * double(value);
  }
  CHECK(norms[0] > 0);
  CHECK(norms[1] == doctest::Approx(norms[0]).epsilon(0.05));
}
