#include "ops/swiglu.h"

#include "ops/activation.h"
#include "ops/rows.h"

namespace ablate {

Tensor swiglu(Graph& graph, const Tensor& gate, const Tensor& up, const std::string& activation) {
  require(gate.shape == up.shape && gate.dtype == up.dtype, "swiglu: the gate is {} {}, the other half {} {}", name_of(gate.dtype),
          to_string(gate.shape), name_of(up.dtype), to_string(up.shape));
  const auto [code, user] = Activations::find("activation", activation);
  const std::uint64_t count = gate.size();
  const auto constants = [=, code = code](const Tensor& dy) { return for_elements(gate, {up, dy}) + Specialization{{"ACTIVATION", code}}; };
  const Tensor y = graph.like(gate);
  graph.dispatch({.shader = kernel_with("activation/swiglu", user),
                  .push = {gate, up, y, count},
                  .cut = cut_elements(count, {0, 1, 2, 3}),
                  .items = groups_in(count),
                  .constants = constants({}),
                  .cost = {.flop = 11.0 * static_cast<double>(count), .bytes = 3.0 * static_cast<double>(gate.bytes())}});
  return graph.differentiable(y, {gate, up}, [=, user = user](Graph& g, const Tensor& dy) {
    if (user) user->require_backward();
    const Tensor dgate = g.like(gate), dup = g.like(up);
    g.dispatch({.shader = kernel_with("activation/swiglu_backward", user),
                .push = {gate, up, dy, dgate, dup, count},
                .cut = cut_elements(count, {0, 1, 2, 3, 4, 5}),
                .items = groups_in(count),
                .constants = constants(dy),
                .cost = {.flop = 25.0 * static_cast<double>(count), .bytes = 5.0 * static_cast<double>(gate.bytes())}});
    return std::vector<Tensor>{dgate, dup};
  });
}

}  // namespace ablate
