#include "support/op_run.h"

#include "support/device.h"

#include <doctest/doctest.h>

namespace ablate::test {
namespace {

void write(Executor& executor, const Tensor& to, const Array<double>& data) {
  if (to.dtype == DType::i32) executor.write_ints(to, std::vector<std::int32_t>(data.data.begin(), data.data.end()));
  else executor.write_floats(to, std::vector<float>(data.data.begin(), data.data.end()));
}

std::vector<double> read(Executor& executor, const Tensor& from) {
  if (from.dtype != DType::i32) {
    const std::vector<float> floats = executor.read_floats(from);
    return {floats.begin(), floats.end()};
  }
  const std::vector<std::int32_t> ints = executor.read_ints(from);
  return {ints.begin(), ints.end()};
}

std::vector<std::byte> bytes_of(Executor& executor, std::uint32_t storage, std::uint64_t bytes) {
  Tensor whole;
  whole.storage = storage, whole.dtype = DType::u16, whole.shape = {static_cast<std::uint32_t>(bytes / 2)};
  std::vector<std::byte> content(bytes / 2 * 2);  // blocks of weights may be odd
  executor.read(whole, content);
  return content;
}

}  // namespace

std::unique_ptr<Executor> run_both_ways(const Graph& graph, const std::function<void(Executor&)>& write) {
  auto guarded = std::make_unique<Executor>(pipelines(), graph, ExecutorOptions{.guard = true});
  write(*guarded);
  guarded->run();
  guarded->check_guards();
  Executor shared(pipelines(), graph, {.poison = true});
  write(shared);
  shared.run();
  for (std::uint32_t i = 1; i < graph.storages().size(); ++i) {
    const Storage& storage = graph.storages()[i];
    if (!storage.kept || storage.address != 0) continue;
    const bool same = bytes_of(*guarded, i, storage.bytes) == bytes_of(shared, i, storage.bytes);
    CHECK_MESSAGE(same, storage.name, " (storage ", i, ") has other bits where memory is shared");
  }
  return guarded;
}

std::vector<Array<double>> random_inputs(const std::vector<OpInput>& inputs, std::uint64_t seed) {
  std::vector<Array<double>> data;
  Normal normal(seed);
  for (const OpInput& input : inputs) {
    Array<double> x(input.shape);
    for (std::size_t i = 0; i < x.data.size(); ++i) {
      x.data[i] = input.fill ? input.fill(i) : input.scale * normal();
      if (input.dtype != DType::i32) x.data[i] = static_cast<double>(round_to(input.dtype, static_cast<float>(x.data[i])));
    }
    data.push_back(std::move(x));
  }
  return data;
}

std::vector<std::vector<double>> run_op(const std::vector<OpInput>& inputs, const std::vector<Array<double>>& data,
                                        const std::function<std::vector<Tensor>(Graph&, const std::vector<Tensor>&)>& build) {
  Graph graph(pipelines().device().caps());
  std::vector<Tensor> tensors;
  for (const OpInput& input : inputs) tensors.push_back(graph.input("input " + std::to_string(tensors.size()), input.shape, input.dtype));
  const std::vector<Tensor> outputs = build(graph, tensors);
  for (const Tensor& output : outputs) graph.keep(output);
  const auto executor = run_both_ways(graph, [&](Executor& to) {
    for (std::size_t i = 0; i < tensors.size(); ++i) write(to, tensors[i], data[i]);
  });
  std::vector<std::vector<double>> results;
  for (const Tensor& output : outputs) results.push_back(read(*executor, output));
  return results;
}

bool can_reach(const std::string& name, std::uint64_t elements) {
  if (elements <= pipelines().device().caps().max_elements) return true;
  skip(name, "beyond the reach of \"elements=\", and not to be cut");
  return false;
}

bool can_store(const std::string& name, DType type) {
  if (type == DType::f32 || pipelines().device().caps().storage16) return true;
  skip(name, "the device has no 16-bit storage");
  return false;
}

}  // namespace ablate::test
