#include "support/op_run.h"

#include "graph/executor.h"
#include "support/device.h"

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

}  // namespace

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
  Executor executor(pipelines(), graph, {.guard = true});
  for (std::size_t i = 0; i < tensors.size(); ++i) write(executor, tensors[i], data[i]);
  executor.run();
  executor.check_guards();
  std::vector<std::vector<double>> results;
  for (const Tensor& output : outputs) results.push_back(read(executor, output));
  return results;
}

bool can_store(const std::string& name, DType type) {
  if (type == DType::f32 || pipelines().device().caps().storage16) return true;
  skip(name, "the device has no 16-bit storage");
  return false;
}

}  // namespace ablate::test
