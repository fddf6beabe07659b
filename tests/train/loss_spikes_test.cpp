// The guard against loss spikes: what it takes for one, and what a step leaves that it leaves out.
#include "train/loss_spikes.h"

#include "base/error.h"
#include "base/random.h"
#include "support/device.h"
#include "support/temporary_folder.h"
#include "train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

TrainSettings guarded(const char* action, int window = 100) {
  TrainSettings settings;
  settings.on_loss_spike = action;
  settings.loss_spike_window = window;
  return settings;
}

/// Tokens that count up, but for the steps given, which are noise.
class Counting : public DataSource {
 public:
  explicit Counting(std::vector<std::uint64_t> noisy) : noisy_(std::move(noisy)) {}

  std::int64_t vocabulary_size() const override { return 32; }
  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override {
    Batch batch = make_batch(rows, columns);
    const bool noise = std::find(noisy_.begin(), noisy_.end(), step) != noisy_.end();
    const CounterRandom random(1, step);
    for (std::size_t i = 0; i < batch.ids.size(); ++i)
      batch.ids[i] = static_cast<std::int32_t>(noise ? random.below(i, 32) : (step + i % static_cast<std::size_t>(columns)) % 32);
    return batch;
  }
  Batch validation(std::int64_t rows, std::int64_t columns) const override { return batch(0, rows, columns); }

 private:
  std::vector<std::uint64_t> noisy_;
};

TransformerConfig small_model() {
  TransformerConfig config;
  config.vocab_size = 32, config.d_model = 16, config.n_layers = 1, config.n_heads = 2, config.n_kv_heads = 2, config.head_dim = 8,
  config.d_ffn = PerLayer<int>(32), config.max_seq_len = 16;
  return config;
}

TrainSettings training(const char* action) {
  TrainSettings settings = guarded(action);
  settings.steps = 60, settings.batch = 4, settings.seq_len = 16, settings.lr = 2e-2, settings.schedule = "constant";
  return settings;
}

struct Run {
  Run(const DataSource& data, const TrainSettings& settings, DType type)
      : weights(pipelines().device(), small_model(), type, WeightsUse::training), trainer(pipelines(), weights, data, settings, type) {
    weights.initialize("paper", 3);
  }
  std::vector<std::vector<float>> parameters() const {
    std::vector<std::vector<float>> all;
    for (const Weights::Entry& entry : weights.entries()) all.push_back(weights.read(entry.spec.name));
    return all;
  }
  Weights weights;
  Trainer trainer;
};

}  // namespace

TEST_CASE("a loss spike: over a factor times the median of the last losses that were none") {
  LossSpikes spikes(guarded("skip", 5));
  for (int step = 0; step < 5; ++step) {
    CHECK(std::isinf(spikes.limit()));
    spikes.step_done(step, static_cast<float>(10 - step), false);  // 10 9 8 7 6
  }
  CHECK(spikes.limit() == 12.0f);
  spikes.step_done(5, 100.0f, true);
  CHECK(spikes.limit() == 12.0f);  // a spike is no loss to measure by
  CHECK(spikes.count() == 1);
  spikes.step_done(6, 1.0f, false);
  CHECK(spikes.limit() == 10.5f);  // 9 8 7 6 1

  LossSpikes resumed(guarded("skip", 5));
  resumed.restore(spikes.losses(), spikes.counts(), "here");
  CHECK(resumed.limit() == spikes.limit());
  CHECK(resumed.count() == 1);
  CHECK_THROWS_WITH_AS(resumed.restore({}, "rubbish", "file"), doctest::Contains("file: not what is saved of loss spikes"), InputError);

  LossSpikes wide(guarded("skip"));
  for (int step = 0; step < 19; ++step) wide.step_done(step, 2.0f, false);
  CHECK(std::isinf(wide.limit()));
  wide.step_done(19, 2.0f, false);
  CHECK(wide.limit() == 3.0f);
  CHECK(std::isinf(LossSpikes(guarded("none")).limit()));
}

TEST_CASE("a spike that is to stop a training stops it, and so do too many in a row") {
  LossSpikes stops(guarded("stop", 1));
  stops.step_done(0, 2.0f, false);
  CHECK_THROWS_WITH_AS(
      stops.step_done(1, 9.0f, true),
      doctest::Contains("step 1: the loss of 9 is over 1.5 times the median of the last 1 (2): train.on_loss_spike = \"stop\""), RunError);
  LossSpikes broken(guarded("skip", 1));
  broken.step_done(0, 2.0f, false);
  for (int step = 1; step < 20; ++step) broken.step_done(step, 9.0f, true);
  broken.step_done(20, 2.0f, false);
  for (int step = 21; step < 40; ++step) broken.step_done(step, 9.0f, true);
  CHECK_THROWS_WITH_AS(broken.step_done(40, 9.0f, true), doctest::Contains("a training that broke"), RunError);
}

TEST_CASE("a step that is a spike leaves weights and moments as they were, and the next goes on from there") {
  std::vector<DType> types{DType::f32};
  if (pipelines().device().caps().storage16) types.push_back(DType::f16);
  for (const DType type : types) {
    CAPTURE(name_of(type));
    const Counting noisy({40, 41}), clean({});
    const TemporaryFolder folder;
    Run run(noisy, training("skip"), type), without(clean, training("none"), type);
    while (run.trainer.step() < 40) {
      CHECK(run.trainer.train_step().loss == without.trainer.train_step().loss);  // as long as there is none, nothing changes
      if (run.trainer.step() == 35) {
        run.trainer.save(folder / "35.safetensors");
        write_safetensors(folder / "weights.safetensors", run.weights.tensors_to_write());
      }
    }
    const auto before = run.parameters();
    const StepState state = run.trainer.state();
    for (int i = 0; i < 2; ++i) {
      const StepReport report = run.trainer.train_step();
      CHECK(report.spike);
      CHECK_FALSE(report.skipped);
      CHECK(report.loss > 1.0);
    }
    CHECK(run.parameters() == before);
    CHECK(run.trainer.state().steps == state.steps);
    CHECK(run.trainer.state().loss_scale == state.loss_scale);
    CHECK(run.trainer.state().skipped == state.skipped);
    CHECK(run.trainer.loss_spikes().count() == 2);
    std::vector<double> losses;
    while (run.trainer.step() < 50) losses.push_back(run.trainer.train_step().loss);
    CHECK(run.parameters() != before);

    Run resumed(noisy, training("skip"), type);
    resumed.weights.load(SafetensorsFile(folder / "weights.safetensors"));
    resumed.trainer.load(folder / "35.safetensors");
    while (resumed.trainer.step() < 42) resumed.trainer.train_step();
    CHECK(resumed.trainer.loss_spikes().count() == 2);
    for (const double loss : losses) CHECK(resumed.trainer.train_step().loss == loss);

    Run unguarded(noisy, training("none"), type);
    while (unguarded.trainer.step() < 42) unguarded.trainer.train_step();
    CHECK(unguarded.parameters() != before);
  }
}

TEST_CASE("a training that a spike stops has the weights before it") {
  const Counting noisy({30});
  Run run(noisy, training("stop"), DType::f32);
  while (run.trainer.step() < 30) run.trainer.train_step();
  const auto before = run.parameters();
  CHECK_THROWS_WITH_AS(run.trainer.train_step(), doctest::Contains("step 30: the loss of"), RunError);
  CHECK(run.trainer.step() == 30);
  CHECK(run.parameters() == before);
}
