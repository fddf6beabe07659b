#include "ops/scale.h"

#include "ops/rows.h"

namespace ablate {

Tensor scale(Graph& graph, const Tensor& x, float factor) {
  const std::uint64_t count = x.size();
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = "elementwise/scale",
                  .push = {x, y, count, factor},
                  .cut = cut_elements(count, {0, 1, 2}),
                  .items = groups_in(count),
                  .constants = for_elements(x),
                  .cost = {.flop = static_cast<double>(count), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x}, [factor](Graph& g, const Tensor& dy) { return std::vector<Tensor>{scale(g, dy, factor)}; });
}

}  // namespace ablate
