// Tokens per second of training steps and of probes, by the code that `ablate run` uses: Trainer and Evaluator over random tokens.
#pragma once

#include "base/dtype.h"
#include "model/config.h"
#include "ops/tune_matmul.h"
#include "train/train_settings.h"

#include <cstdint>

namespace ablate {

struct Throughput {
  double tokens_per_second = 0;
  double flop_per_second = 0;  ///< of training: what the step needs at least, in the time it took
  std::uint64_t memory = 0;    ///< bytes of the device's memory, at most
};

/// Whole steps, host work included, after the kernels are chosen and at least a second (and three steps) of warm-up: for `seconds`, and
/// three steps at least. settings.steps is not looked at. Throws DeviceError when the device has not the memory, or not the type that
/// settings.precision asks for.
Throughput measure_training(Pipelines& pipelines, Tuner& tuner, const TransformerConfig& config, TrainSettings settings, double seconds);

/// The probes that every run has, of spikes (the largest three channels of every state) and sinks (the score of every head), over
/// `sequences` of `tokens`, weights and activations in `type`. Weights are random.
Throughput measure_probe(Pipelines& pipelines, Tuner& tuner, const TransformerConfig& config, DType type, std::uint32_t sequences,
                         std::uint32_t tokens);

}  // namespace ablate
