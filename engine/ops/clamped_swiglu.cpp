#include "ops/clamped_swiglu.h"

#include "ops/rows.h"

namespace ablate {

Tensor clamped_swiglu(Graph& graph, const Tensor& gate, const Tensor& up, float limit, float alpha) {
  require(gate.shape == up.shape && gate.dtype == up.dtype, "clamped_swiglu: the gate is {} {}, the other half {} {}", name_of(gate.dtype),
          to_string(gate.shape), name_of(up.dtype), to_string(up.shape));
  const std::uint64_t count = gate.size();
  const Tensor y = graph.like(gate);
  graph.dispatch({.shader = "activation/clamped_swiglu",
                  .push = {gate, up, y, count, limit, alpha},
                  .cut = cut_elements(count, {0, 1, 2, 3}),
                  .items = groups_in(count),
                  .constants = for_elements(gate, {up}),
                  .cost = {.flop = 14.0 * static_cast<double>(count), .bytes = 3.0 * static_cast<double>(gate.bytes())}});
  return graph.differentiable(y, {gate, up}, [=](Graph& g, const Tensor& dy) {
    const Tensor dgate = g.like(gate), dup = g.like(up);
    g.dispatch({.shader = "activation/clamped_swiglu_backward",
                .push = {gate, up, dy, dgate, dup, count, limit, alpha},
                .cut = cut_elements(count, {0, 1, 2, 3, 4, 5}),
                .items = groups_in(count),
                .constants = for_elements(gate, {up, dy}),
                .cost = {.flop = 30.0 * static_cast<double>(count), .bytes = 5.0 * static_cast<double>(gate.bytes())}});
    return std::vector<Tensor>{dgate, dup};
  });
}

}  // namespace ablate
