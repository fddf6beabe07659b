#include "experiment/bench/bench.h"

#include "graph/executor.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

namespace ablate {
namespace {

constexpr std::uint64_t flushing_bytes = 512ull << 20;  // several times the last-level cache of any device of the day
constexpr std::size_t most_copies = 64, pattern_size = 1 << 16;

std::map<std::string, std::function<std::vector<BenchCase>(const Caps&)>>& registry() {
  static std::map<std::string, std::function<std::vector<BenchCase>(const Caps&)>> all;
  return all;
}

// One graph that holds `copies` independent instances of the op.
struct Instances {
  Graph graph;
  BenchInputs inputs;
  std::vector<std::size_t> ends;  // of each instance's dispatches

  Instances(const Caps& caps, const BenchCase& bench, std::size_t copies, const Choices* choices) : graph(caps, choices), inputs(graph) {
    for (std::size_t i = 0; i < copies; ++i) {
      bench.build(graph, inputs);
      ends.push_back(graph.dispatches().size());
    }
  }

  std::uint64_t bytes() const {
    std::uint64_t total = 0;
    for (const Storage& storage : graph.storages()) total += storage.bytes;
    return total;
  }
};

std::vector<double> seconds_of(const Executor& executor, const std::vector<std::size_t>& ends) {
  const std::vector<DispatchTime> times = executor.times();
  std::vector<double> seconds;
  std::size_t at = 0;
  for (const std::size_t end : ends) {
    double sum = 0;
    for (; at < end; ++at) sum += times.at(at).seconds;
    seconds.push_back(sum);
  }
  return seconds;
}

// Times of every instance in runs that go on for `seconds`, after a third of a second (and at least one run) in which the clock rises.
std::vector<double> run_for(Executor& executor, const std::vector<std::size_t>& ends, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  auto start = Clock::now();
  do executor.run();
  while (since(start) < std::min(seconds, 0.3));
  std::vector<double> all;
  start = Clock::now();
  do {
    executor.run();
    const std::vector<double> some = seconds_of(executor, ends);
    all.insert(all.end(), some.begin(), some.end());
  } while (since(start) < seconds);
  return all;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string kernels_of(const Graph& graph) {
  std::string names;
  for (const Dispatch& dispatch : graph.dispatches()) names += (names.empty() ? "" : " + ") + dispatch.shader;
  return names;
}

void measure_into(BenchResult& result, Pipelines& pipelines, const BenchCase& bench, const BenchOptions& options) {
  const Caps& caps = pipelines.device().caps();
  std::uint64_t bytes = 0;
  {
    Instances one(caps, bench, 1, options.choices);
    result.cost = one.graph.cost();
    result.kernels = kernels_of(one.graph);
    result.half = one.inputs.any_16_bit();
    bytes = one.bytes();
    Executor executor(pipelines, one.graph, {.profile = true});
    one.inputs.fill(executor);
    const std::vector<double> times = run_for(executor, one.ends, options.seconds);
    result.warm = median(times);
    result.best = *std::min_element(times.begin(), times.end());
    result.runs = static_cast<std::uint32_t>(times.size());
  }
  if (!options.cold) return;
  const std::uint64_t wanted = flushing_bytes / std::max<std::uint64_t>(bytes, 1) + 2,
                      possible = pipelines.device().free_memory() / 2 / std::max<std::uint64_t>(bytes, 1);
  const std::size_t copies = std::min<std::uint64_t>({wanted, possible, most_copies});
  if (copies < 2) return;
  Instances many(caps, bench, copies, options.choices);
  Executor executor(pipelines, many.graph, {.profile = true});
  many.inputs.fill(executor);
  result.cold = median(run_for(executor, many.ends, options.seconds));
}

}  // namespace

Tensor BenchInputs::floats(Shape shape, DType dtype, float scale) {
  return inputs_.emplace_back(Input{graph_.input("input", std::move(shape), dtype), scale, 0}).tensor;
}

Tensor BenchInputs::ints(Shape shape, std::uint32_t limit) {
  return inputs_.emplace_back(Input{graph_.input("input", std::move(shape), DType::i32), 0, limit}).tensor;
}

bool BenchInputs::any_16_bit() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return bytes_of(input.tensor.dtype) == 2; });
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
    const std::size_t width = bytes_of(input.tensor.dtype);
    std::vector<std::byte> bytes(size * width);
    for (std::size_t i = 0; i < pattern; ++i) {
      const float value = (static_cast<float>(random()) / 8388608.0f - 1.0f) * input.scale;
      const std::uint16_t half = input.tensor.dtype == DType::f16 ? to_f16(value) : to_bf16(value);
      std::memcpy(&bytes[i * width], width == 4 ? static_cast<const void*>(&value) : &half, width);
    }
    for (std::size_t at = pattern * width; at < bytes.size(); at *= 2) std::memcpy(&bytes[at], bytes.data(), std::min(at, bytes.size() - at));
    executor.write(input.tensor, bytes);
  }
}

BenchRegistration::BenchRegistration(const std::string& op, std::function<std::vector<BenchCase>(const Caps&)> cases) {
  registry()[op] = std::move(cases);
}

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
