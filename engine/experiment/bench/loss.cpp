// Cross-entropy of stored logits, forward and backward; and of hidden states, where logits exist a chunk at a time and gradients come in
// the same pass.
#include "experiment/bench/bench.h"
#include "ops/cross_entropy.h"

namespace ablate {
namespace {

struct Problem {
  std::uint32_t rows, vocabulary, dim;
};

std::vector<Problem> problems(const Caps& caps) {
  if (caps.is_cpu()) return {{256, 4097, 256}, {64, 32000, 128}};
  return {{32768, 4097, 256}, {16384, 32000, 512}, {4096, 151936, 1024}};
}

std::vector<BenchCase> cross_entropy_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Problem& p : problems(caps)) {
      const std::string name = fmt::format("{}x{} {}", p.rows, p.vocabulary, name_of(type));
      all.push_back({"cross_entropy", name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                       const Tensor logits = inputs.floats({p.rows, p.vocabulary}, type), targets = inputs.ints({p.rows}, p.vocabulary);
                       return [=, &graph] { return std::vector{cross_entropy(graph, logits, targets)}; };
                     }});
      all.push_back(
          {"cross_entropy", name + " backward", [=](Graph& graph, BenchInputs& inputs) {
             const Tensor logits = inputs.activations({p.rows, p.vocabulary}, type), targets = inputs.ints({p.rows}, p.vocabulary);
             return backward_body(graph, inputs, cross_entropy(graph, logits, targets));
           }});
    }
  return all;
}

constexpr std::uint64_t logits_bytes = 256ull << 20;  // of one chunk, as in training

std::vector<BenchCase> linear_cross_entropy_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const DType type : activation_types(caps))
    for (const Problem& p : problems(caps))
      for (const bool gradients : {false, true}) {
        const std::string name =
            fmt::format("{}x{} of {} {}{}", p.rows, p.dim, p.vocabulary, name_of(type), gradients ? " with gradients" : "");
        all.push_back({"linear_cross_entropy", name, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
                         const Shape hidden{p.rows, p.dim}, head{p.vocabulary, p.dim};
                         const Tensor h = gradients ? inputs.activations(hidden, type) : inputs.floats(hidden, type),
                                      w = gradients ? inputs.parameters(head, type) : inputs.floats(head, type),
                                      targets = inputs.ints({p.rows}, p.vocabulary), one = graph.constant("one", {1}, {1.0f});
                         return [=, &graph] { return std::vector{linear_cross_entropy(graph, h, w, targets, one, logits_bytes).losses}; };
                       }});
      }
  return all;
}

const BenchRegistration registrations[] = {{"cross_entropy", cross_entropy_cases}, {"linear_cross_entropy", linear_cross_entropy_cases}};

}  // namespace
}  // namespace ablate
