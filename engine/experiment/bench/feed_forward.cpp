// Gated linear units and pointwise activations, forward and backward.
#include "experiment/bench/bench.h"
#include "ops/activation.h"
#include "ops/swiglu.h"

namespace ablate {
namespace {

// (rows, d_ffn) of a 7M, a 60M and a 7B model.
std::vector<Shape> shapes(const Caps& caps) {
  return {{rows_for(caps, 32768), 688}, {rows_for(caps, 16384), 1408}, {rows_for(caps, 16384), 11008}};
}

std::string name_for(const Shape& shape, DType type) { return fmt::format("{}x{} {}", shape[0], shape[1], name_of(type)); }

std::vector<BenchCase> swiglu_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Shape& shape : shapes(caps)) {
      all.push_back({"swiglu", name_for(shape, type), [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                       const Tensor gate = inputs.floats(shape, type), up = inputs.floats(shape, type);
                       return [=, &graph] { return std::vector{swiglu(graph, gate, up)}; };
                     }});
      all.push_back({"swiglu", name_for(shape, type) + " backward", [=](Graph& graph, BenchInputs& inputs) {
                       const Tensor gate = inputs.activations(shape, type), up = inputs.activations(shape, type);
                       return backward_body(graph, inputs, swiglu(graph, gate, up));
                     }});
    }
  return all;
}

std::vector<BenchCase> activation_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const char* kind : {"gelu", "relu", "silu"})
    for (const DType type : activation_types(caps)) {
      const Shape shape = shapes(caps).back();
      const std::string name = fmt::format("{} {}", kind, name_for(shape, type));
      all.push_back({"activation", name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                       const Tensor x = inputs.floats(shape, type);
                       return [=, &graph] { return std::vector{activation(graph, kind, x)}; };
                     }});
      all.push_back({"activation", name + " backward", [=](Graph& graph, BenchInputs& inputs) {
                       return backward_body(graph, inputs, activation(graph, kind, inputs.activations(shape, type)));
                     }});
    }
  return all;
}

const BenchRegistration registrations[] = {{"swiglu", swiglu_cases}, {"activation", activation_cases}};

}  // namespace
}  // namespace ablate
