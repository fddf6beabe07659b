// RMSNorm, layer norm and dynamic tanh, forward and backward.
#include "experiment/bench/bench.h"
#include "ops/dyt.h"
#include "ops/layernorm.h"
#include "ops/rmsnorm.h"

namespace ablate {
namespace {

using Norm = std::function<Tensor(Graph&, BenchInputs&, const Tensor& x)>;

constexpr float eps = 1e-5f;

Tensor weight_for(BenchInputs& inputs, const Tensor& x) { return inputs.parameters({x.dim(-1)}, DType::f32); }

BenchCase forward(const std::string& op, const std::string& name, const Norm& norm, Shape shape, DType type) {
  return {op, name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
            const Tensor x = inputs.floats(shape, type);
            return [=, &graph, &inputs] { return std::vector{norm(graph, inputs, x)}; };
          }};
}

BenchCase backward(const std::string& op, const std::string& name, const Norm& norm, Shape shape, DType type) {
  return {op, name + " backward", [=](Graph& graph, BenchInputs& inputs) {
            return backward_body(graph, inputs, norm(graph, inputs, inputs.activations(shape, type)));
          }};
}

std::vector<BenchCase> cases(const std::string& op, const Norm& norm, const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const auto& [rows, dim] : {std::pair{32768u, 256u}, {16384u, 512u}, {16384u, 4096u}, {4096u, 16384u}}) {
      const Shape shape{rows_for(caps, rows), dim};
      const std::string name = fmt::format("{}x{} {}", shape[0], shape[1], name_of(type));
      all.push_back(forward(op, name, norm, shape, type));
      all.push_back(backward(op, name, norm, shape, type));
    }
  return all;
}

BenchRegistration register_norm(const std::string& op, const Norm& norm) {
  return {op, [=](const Caps& caps) { return cases(op, norm, caps); }};
}

const BenchRegistration registrations[] = {
    register_norm("rmsnorm",
                  [](Graph& graph, BenchInputs& inputs, const Tensor& x) { return rmsnorm(graph, x, weight_for(inputs, x), eps); }),
    register_norm("layernorm",
                  [](Graph& graph, BenchInputs& inputs, const Tensor& x) { return layernorm(graph, x, weight_for(inputs, x), eps); }),
    register_norm("dyt", [](Graph& graph, BenchInputs& inputs, const Tensor& x) {
      return dyt(graph, x, weight_for(inputs, x), inputs.parameters({1}, DType::f32));
    })};

}  // namespace
}  // namespace ablate
