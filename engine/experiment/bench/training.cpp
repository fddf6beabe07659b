#include "experiment/bench/training.h"

#include "experiment/bench/bench.h"
#include "model/initialization.h"
#include "probe/evaluation.h"
#include "train/data/random_tokens.h"
#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace ablate {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr std::uint64_t seed = 1;
constexpr double warm_up = 1.0;  // seconds
constexpr int fewest_steps = 3;

void require_storage(DType type, const Caps& caps) {
  if (type != DType::f32 && !caps.storage16) throw DeviceError(fmt::format("{} has no 16-bit storage", caps.device_name));
}

// Numbers of the size that the rule gives, of which each parameter repeats the first million: drawing billions would take minutes.
void fill(Weights& weights) {
  std::vector<float> values;
  for (const Weights::Entry& entry : weights.entries()) {
    values.resize(static_cast<std::size_t>(entry.spec.elements()));
    const std::size_t drawn = std::min<std::size_t>(values.size(), 1 << 20);
    initialize(std::span(values).first(drawn), entry.spec, initializer(weights.config(), entry.spec), seed);
    for (std::size_t i = drawn; i < values.size(); i += drawn) std::copy_n(values.begin(), std::min(drawn, values.size() - i), &values[i]);
    weights.write(entry.spec.name, values);
  }
}

// What a step takes, without the memory behind it.
std::uint64_t memory_of(Pipelines& pipelines, const TransformerConfig& config, const TrainSettings& settings, const DataSource& data,
                        DType type) {
  Weights weights(pipelines.device(), config, type, WeightsUse::training, false);
  const Trainer trainer(pipelines, weights, data, settings, type);
  return Weights::bytes_needed(config, type, WeightsUse::training) + Executor::memory_needed(trainer.graph(), pipelines.device());
}

// Steps until `seconds` have gone by and `fewest_steps` are done; how long one took.
double seconds_per_step(Trainer& trainer, double seconds) {
  const Clock::time_point start = Clock::now();
  int steps = 0;
  do {
    trainer.train_step();
    ++steps;
  } while (steps < fewest_steps || since(start) < seconds);
  return since(start) / steps;
}

}  // namespace

Throughput measure_training(Pipelines& pipelines, Tuner& tuner, const TransformerConfig& config, TrainSettings settings, double seconds) {
  const Device& device = pipelines.device();
  device.reset_most_allocated();
  const std::uint64_t before = device.allocated();
  settings.steps = std::numeric_limits<int>::max();
  const DType type = activation_type(settings.precision);
  require_storage(type, device.caps());
  const RandomTokens data(config.vocab_size);
  require_memory(device, memory_of(pipelines, config, settings, data, type));
  Weights weights(device, config, type, WeightsUse::training);
  Trainer trainer(pipelines, weights, data, settings, type, &tuner);
  fill(weights);
  seconds_per_step(trainer, std::min(warm_up, seconds));
  const double step = seconds_per_step(trainer, seconds);
  return {static_cast<double>(settings.batch) * settings.seq_len / step, trainer.graph().cost().flop / step,
          device.most_allocated() - before};
}

Throughput measure_probe(Pipelines& pipelines, Tuner& tuner, const TransformerConfig& config, DType type, std::uint32_t sequences,
                         std::uint32_t tokens) {
  const Device& device = pipelines.device();
  device.reset_most_allocated();
  const std::uint64_t before = device.allocated();
  require_storage(type, device.caps());
  require_memory(device, Weights::bytes_needed(config, type, WeightsUse::inference));
  Weights weights(device, config, type, WeightsUse::inference);
  fill(weights);
  const RandomTokens source(config.vocab_size);
  const EvaluationData data{sequences, tokens, source.batch(0, sequences, tokens).ids, false, std::nullopt};
  Evaluator evaluator(pipelines, weights, type, data, &tuner);
  Evaluation evaluation;
  for (int run = 0; run < 2; ++run) {  // kernels are chosen and compiled in the first
    Value empty;
    empty.data = Value::Table{};
    Settings none(empty);
    const auto spikes = Probes::find("probe", "spikes")({}, none), sinks = Probes::find("probe", "sinks")({}, none);
    evaluation = evaluator.run({}, {spikes.get(), sinks.get()});
  }
  return {evaluation.tokens_per_second, 0, device.most_allocated() - before};
}

}  // namespace ablate
