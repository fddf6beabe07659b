#include "ops/scale.h"

#include "ops/rows.h"

namespace ablate {

Tensor scale(Graph& graph, const Tensor& x, float factor) {
  const auto count = static_cast<std::uint32_t>(x.size());
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = "elementwise/scale",
                  .push = {x, y, count, factor},
                  .items = groups_of(1, count),
                  .constants = for_elements(x),
                  .cost = {.flop = 1.0 * count, .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x}, [factor](Graph& g, const Tensor& dy) { return std::vector<Tensor>{scale(g, dy, factor)}; });
}

}  // namespace ablate
