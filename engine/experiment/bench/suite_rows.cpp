#include "experiment/bench/suite_rows.h"

#include "base/error.h"
#include "base/size.h"
#include "ops/matmul_kernels.h"

#include <limits>

namespace ablate {
namespace {

double rate_of(const BenchResult& result, Rate rate) {
  if (result.warm <= 0) return 0;
  return rate == Rate::tbyte   ? result.cost.bytes / result.warm * 1e-12
         : rate == Rate::tflop ? result.cost.flop / result.warm * 1e-12
                               : result.cost.flop / result.warm * 1e-9;
}

BenchResult measure_case(const SuiteContext& context, const BenchCase& bench, double seconds) {
  BenchResult result = measure(context.pipelines, bench, {.seconds = seconds, .cold = false, .tuner = &context.tuner});
  if (!result.failure.empty()) throw RunError(result.failure);
  return result;
}

BenchCase find_case(const std::string& op, const std::string& name, const Caps& caps) {
  for (const BenchCase& bench : bench_cases(op, caps))
    if (bench.name == name) return bench;
  throw DeviceError(fmt::format("{} {} is not among the cases for {}", op, name, caps.device_name));
}

// By the fastest run of each kernel; one that the driver refuses is out of the race. On CPUs, whose clock measures their other work too, runs take the
// default, and so does this.
std::string chosen_kernel(const SuiteContext& context, const MatmulShape& shape, const Caps& caps) {
  if (caps.is_cpu()) return to_string(default_matmul_kernel(matmul_problem(shape), caps));
  std::string fastest, failure = "no kernel fits";
  double best = std::numeric_limits<double>::infinity();
  for (const MatmulKernel& kernel : matmul_candidates(matmul_problem(shape), caps)) {
    const BenchResult result =
        measure(context.pipelines, matmul_case(shape, to_string(kernel)), {.seconds = context.seconds / 5, .cold = false});
    if (!result.failure.empty()) failure = result.failure;
    else if (result.best < best) best = result.best, fastest = to_string(kernel);
  }
  if (fastest.empty()) throw RunError(failure);
  return fastest;
}

SuiteFigure figure_of(const Throughput& throughput) {
  std::string how = size_text(throughput.memory);
  const double flop = throughput.flop_per_second;
  if (flop > 0) how += flop < 1e12 ? fmt::format(", {:.3g} GFLOP/s", flop * 1e-9) : fmt::format(", {:.3g} TFLOP/s", flop * 1e-12);
  return {throughput.tokens_per_second, how};
}

}  // namespace

SuiteMeasure case_measure(const std::string& op, const std::string& name, Rate rate) {
  return [=](const SuiteContext& context) {
    const BenchResult result = measure_case(context, find_case(op, name, context.pipelines.device().caps()), context.seconds);
    return SuiteFigure{rate_of(result, rate), result.kernels};
  };
}

SuiteMeasure share_measure(const std::string& op, const std::string& name, const std::string& of_op, const std::string& of_name) {
  return [=](const SuiteContext& context) {
    const Caps& caps = context.pipelines.device().caps();
    const double part = measure_case(context, find_case(op, name, caps), context.seconds).warm,
                 whole = measure_case(context, find_case(of_op, of_name, caps), context.seconds).warm;
    return SuiteFigure{100 * part / whole, fmt::format("{:.0f} us of {:.0f} us", part * 1e6, whole * 1e6)};
  };
}

SuiteMeasure matmul_measure(const MatmulShape& shape, Rate rate, const std::string& without) {
  return [=](const SuiteContext& context) {
    Caps caps = context.pipelines.device().caps();
    caps.mask(without);
    const std::string kernel = chosen_kernel(context, shape, caps);
    return SuiteFigure{rate_of(measure_case(context, matmul_case(shape, kernel), context.seconds), rate), kernel};
  };
}

TransformerConfig llama(int vocabulary, int d_model, int layers, int heads, int kv_heads, int d_ffn, int context) {
  TransformerConfig config;
  config.vocab_size = vocabulary, config.d_model = d_model, config.n_layers = layers, config.d_ffn = d_ffn, config.max_seq_len = context;
  config.n_heads = heads, config.n_kv_heads = kv_heads, config.head_dim = d_model / heads;
  return config;
}

SuiteMeasure training_measure(const TransformerConfig& config, int batch, const std::string& precision) {
  TrainSettings settings;
  settings.batch = batch, settings.seq_len = config.max_seq_len, settings.precision = precision;
  return [=](const SuiteContext& context) {
    return figure_of(measure_training(context.pipelines, context.tuner, config, settings, 4 * context.seconds));
  };
}

SuiteMeasure probe_measure(const TransformerConfig& config, DType type, std::uint32_t sequences, std::uint32_t tokens) {
  return [=](const SuiteContext& context) {
    return figure_of(measure_probe(context.pipelines, context.tuner, config, type, sequences, tokens));
  };
}

}  // namespace ablate
