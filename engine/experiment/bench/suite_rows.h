// What the rows of suites measure.
#pragma once

#include "experiment/bench/matmul.h"
#include "experiment/bench/suite.h"

namespace ablate {

using SuiteMeasure = std::function<SuiteFigure(const SuiteContext&)>;

/// What a rate is counted in.
enum class Rate { tflop, gflop, tbyte };

/// One of the cases that `ablate bench OP` times, by name; warm.
SuiteMeasure case_measure(const std::string& op, const std::string& name, Rate rate);

/// Time of the first in percent of the second's, both cases of `ablate bench`.
SuiteMeasure share_measure(const std::string& op, const std::string& name, const std::string& of_op, const std::string& of_name);

/// The kernel that a run takes for a product: the fastest of those that the device has `without` these capabilities (Caps::mask).
SuiteMeasure matmul_measure(const MatmulShape& shape, Rate rate, const std::string& without = "");

/// A model of Llama's form; heads are d_model / heads wide.
TransformerConfig llama(int vocabulary, int d_model, int layers, int heads, int kv_heads, int d_ffn, int context);

/// Tokens per second of training steps of `batch` sequences as long as the model's context.
SuiteMeasure training_measure(const TransformerConfig& config, int batch, const std::string& precision);

/// Tokens per second of a probe of spikes and sinks: see measure_probe().
SuiteMeasure probe_measure(const TransformerConfig& config, DType type, std::uint32_t sequences, std::uint32_t tokens);

}  // namespace ablate
