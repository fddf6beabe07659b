#include "experiment/bench/bench.h"

#include "base/storage_format.h"
#include "graph/executor.h"
#include "ops/add.h"
#include "ops/fill.h"
#include "ops/statistics/max_abs.h"
#include "ops/tune_matmul.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <span>

namespace ablate {
namespace {

constexpr std::uint64_t flushing_bytes = 512ull << 20;  // several times the last-level cache of any device of the day
constexpr std::size_t pattern_size = 1 << 16;
constexpr double rising_clock = 0.3;  // seconds until a resting GPU runs as fast as it can

std::map<std::string, std::function<std::vector<BenchCase>(const Caps&)>>& registry() {
  static std::map<std::string, std::function<std::vector<BenchCase>(const Caps&)>> all;
  return all;
}

// The graph of one case: what it prepares, perhaps a read that flushes the caches, and what is measured.
struct Measured {
  Graph graph;
  BenchInputs inputs;
  std::size_t first = 0;  // of the measured dispatches

  Measured(const Caps& caps, const BenchCase& bench, const BenchOptions& options, std::uint64_t flushed = 0)
      : graph(caps, options.tuner ? &options.tuner->choices() : nullptr), inputs(graph) {
    const BenchBody body = bench.build(graph, inputs);
    if (flushed > 0)
      graph.keep(max_abs(graph, graph.input("to read", {static_cast<std::uint32_t>(flushed / 4096), 1024}, DType::f32)).value);
    fill(graph, graph.input("nothing", {1}, DType::f32), 0);  // what starting a command buffer takes is not the op's
    first = graph.dispatches().size();
    for (const Tensor& result : body())
      if (result) graph.keep(result);
  }

  std::span<const Dispatch> dispatches() const { return std::span(graph.dispatches()).subspan(first); }
};

std::unique_ptr<Measured> tuned(const Caps& caps, const BenchCase& bench, const BenchOptions& options) {
  auto measured = std::make_unique<Measured>(caps, bench, options);
  while (options.tuner && options.tuner->tune()) measured = std::make_unique<Measured>(caps, bench, options);
  return measured;
}

double seconds_of(const Executor& executor, std::size_t first) {
  const std::vector<DispatchTime> times = executor.times();
  double sum = 0;
  for (std::size_t i = first; i < times.size(); ++i) sum += times[i].seconds;
  return sum;
}

// Times of runs that go on for `seconds`, after `warm_up` seconds (and at least one run).
std::vector<double> run_for(Executor& executor, std::size_t first, double warm_up, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  auto start = Clock::now();
  do executor.run();
  while (since(start) < warm_up);
  std::vector<double> all;
  start = Clock::now();
  do {
    executor.run();
    all.push_back(seconds_of(executor, first));
  } while (since(start) < seconds);
  return all;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string kernels_of(std::span<const Dispatch> dispatches) {
  std::vector<std::string> names;
  for (const Dispatch& dispatch : dispatches)
    if (std::find(names.begin(), names.end(), dispatch.shader) == names.end()) names.push_back(dispatch.shader);
  return fmt::format("{}", fmt::join(names, " + "));
}

std::vector<double> times_of(Pipelines& pipelines, const Measured& measured, double seconds) {
  require_memory(pipelines.device(), Executor::memory_needed(measured.graph, pipelines.device()));
  Executor executor(pipelines, measured.graph, {.profile = true});
  measured.inputs.fill(executor);
  const double rising = pipelines.device().caps().is_cpu() ? 0 : rising_clock;
  return run_for(executor, measured.first, rising, seconds);
}

// Bytes to read between two measurements, as far as the device has the room; 0: too little to flush anything.
std::uint64_t bytes_to_flush(const Device& device) {
  const std::uint64_t wanted = device.caps().is_cpu() ? flushing_bytes / 4 : flushing_bytes;
  const std::uint64_t possible = std::min({wanted, device.caps().max_allocation, device.free_memory() / 4});
  return possible < wanted / 4 ? 0 : possible / 4096 * 4096;
}

void measure_into(BenchResult& result, Pipelines& pipelines, const BenchCase& bench, const BenchOptions& options) {
  const Caps& caps = pipelines.device().caps();
  {
    const auto measured = tuned(caps, bench, options);
    for (const Dispatch& dispatch : measured->dispatches())
      result.cost.flop += dispatch.cost.flop, result.cost.bytes += dispatch.cost.bytes;
    result.kernels = kernels_of(measured->dispatches());
    result.half = measured->inputs.any_16_bit();
    const std::vector<double> times = times_of(pipelines, *measured, options.seconds);
    result.warm = median(times);
    result.best = *std::min_element(times.begin(), times.end());
    result.runs = static_cast<std::uint32_t>(times.size());
  }
  const std::uint64_t flushed = options.cold ? bytes_to_flush(pipelines.device()) : 0;
  if (flushed == 0) return;
  result.cold = median(times_of(pipelines, Measured(caps, bench, options, flushed), options.seconds));
}

}  // namespace

Tensor BenchInputs::floats(Shape shape, DType dtype, float scale) {
  return inputs_.emplace_back(Input{graph_.input("input", std::move(shape), dtype), scale, 0}).tensor;
}

Tensor BenchInputs::ints(Shape shape, std::uint32_t limit) {
  return inputs_.emplace_back(Input{graph_.input("input", std::move(shape), DType::i32), 0, limit}).tensor;
}

// Differentiable from a leaf that is given nothing, so that gradients end here, in the type that they have inside a model.
Tensor BenchInputs::activations(Shape shape, DType dtype) {
  const Tensor leaf = graph_.tensor({1}, DType::f32), x = floats(std::move(shape), dtype);
  graph_.require_gradient(leaf);
  return graph_.differentiable(x, {leaf}, [gradients = activation_gradients_](Graph&, const Tensor& dx) {
    gradients->push_back(dx);
    return std::vector<Tensor>(1);
  });
}

Tensor BenchInputs::parameters(Shape shape, DType dtype, float scale) {
  parameters_.push_back(floats(std::move(shape), dtype, scale));
  graph_.require_gradient(parameters_.back());
  return parameters_.back();
}

std::vector<Tensor> BenchInputs::gradients() const {
  std::vector<Tensor> all = *activation_gradients_;
  for (const Tensor& parameter : parameters_) all.push_back(graph_.gradient(parameter));
  return all;
}

bool BenchInputs::any_16_bit() const {
  return std::any_of(inputs_.begin(), inputs_.end(),
                     [](const Input& input) { return !is_blocks(input.tensor.dtype) && bytes_of(input.tensor.dtype) == 2; });
}

void BenchInputs::fill(Executor& executor) const {
  std::uint32_t state = 12345;
  const auto random = [&state] { return (state = state * 1664525u + 1013904223u) >> 8; };  // 24 bits
  for (const Input& input : inputs_) {
    const std::size_t size = input.tensor.size(), pattern = std::min(size, pattern_size);
    if (input.limit) {
      std::vector<std::int32_t> values(size);
      for (std::int32_t& v : values) v = static_cast<std::int32_t>(random() % input.limit);
      executor.write_ints(input.tensor, values);
      continue;
    }
    if (is_blocks(input.tensor.dtype)) {
      std::vector<std::byte> blocks(input.tensor.bytes());
      for (std::byte& byte : blocks) byte = static_cast<std::byte>(random() & 0x2f);  // no f16 of such bytes is NaN
      executor.write(input.tensor, blocks);
      continue;
    }
    const std::size_t width = bytes_of(input.tensor.dtype);
    std::vector<std::byte> bytes(size * width);
    for (std::size_t i = 0; i < pattern; ++i) {
      const float value = (static_cast<float>(random()) / 8388608.0f - 1.0f) * input.scale;
      const std::uint16_t half = input.tensor.dtype == DType::f16 ? to_f16(value) : to_bf16(value);
      std::memcpy(&bytes[i * width], width == 4 ? static_cast<const void*>(&value) : &half, width);
    }
    for (std::size_t at = pattern * width; at < bytes.size(); at *= 2)
      std::memcpy(&bytes[at], bytes.data(), std::min(at, bytes.size() - at));
    executor.write(input.tensor, bytes);
  }
}

BenchBody backward_body(Graph& graph, BenchInputs& inputs, const Tensor& y) {
  return [&graph, &inputs, y, seed = inputs.floats(y.shape, y.dtype)] {
    backward(graph, y, seed);
    return inputs.gradients();
  };
}

BenchRegistration::BenchRegistration(const std::string& op, std::function<std::vector<BenchCase>(const Caps&)> cases) {
  registry()[op] = std::move(cases);
}

std::vector<DType> activation_types(const Caps& caps) {
  return caps.storage16 ? std::vector{DType::f32, DType::f16, DType::bf16} : std::vector{DType::f32};
}

std::uint32_t rows_for(const Caps& caps, std::uint32_t rows) { return caps.is_cpu() ? std::max(rows / 16, 1u) : rows; }

std::vector<std::string> bench_ops() {
  std::vector<std::string> names;
  for (const auto& [name, cases] : registry()) names.push_back(name);
  return names;
}

std::vector<BenchCase> bench_cases(const std::string& op, const Caps& caps) {
  const auto found = registry().find(op);
  std::string known;
  for (const std::string& name : bench_ops()) known += (known.empty() ? "" : ", ") + name;
  require(found != registry().end(), "bench: there is no op \"{}\"; there are {}", op, known);
  return found->second(caps);
}

void require_memory(const Device& device, std::uint64_t bytes) {
  const std::uint64_t free = device.free_memory();
  if (bytes <= free) return;
  throw DeviceError(fmt::format("needs {:.3g} GB of device memory, {:.3g} GB are free on {}", static_cast<double>(bytes) * 1e-9,
                                static_cast<double>(free) * 1e-9, device.caps().device_name));
}

BenchResult measure(Pipelines& pipelines, const BenchCase& bench, const BenchOptions& options) {
  BenchResult result;
  result.op = bench.op;
  result.name = bench.name;
  try {
    measure_into(result, pipelines, bench, options);
  } catch (const std::exception& error) {
    result.failure = error.what();
  }
  return result;
}

}  // namespace ablate
