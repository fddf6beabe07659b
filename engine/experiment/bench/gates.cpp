// Gates on the attention output by their width, forward and backward.
#include "experiment/bench/bench.h"
#include "ops/gate.h"

namespace ablate {
namespace {

struct Problem {
  std::uint32_t batch, tokens, heads, head_dim;
};

std::vector<BenchCase> cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Problem& p : {Problem{rows_for(caps, 128), 256, 4, 64}, {4, rows_for(caps, 4096), 32, 128}}) {
      const std::uint32_t channels = p.heads * p.head_dim;
      const Shape shape{p.batch, p.tokens, channels};
      for (const auto& [kind, width] : {std::pair<const char*, std::uint32_t>{"channel", channels}, {"head", p.heads}, {"token", 1}}) {
        const Shape logits{p.batch, p.tokens, width};
        const std::string name = fmt::format("per {} {}x{}x{} {}", kind, p.batch, p.tokens, channels, name_of(type));
        all.push_back({"gate", name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                         const Tensor y = inputs.floats(shape, type), z = inputs.floats(logits, type);
                         return [=, &graph] { return std::vector{gate(graph, y, z, p.heads)}; };
                       }});
        all.push_back({"gate", name + " backward", [=](Graph& graph, BenchInputs& inputs) {
                         const Tensor y = inputs.activations(shape, type), z = inputs.activations(logits, type);
                         return backward_body(graph, inputs, gate(graph, y, z, p.heads));
                       }});
      }
    }
  return all;
}

const BenchRegistration registration{"gate", cases};

}  // namespace
}  // namespace ablate
