#include "ops/convert.h"

#include "ops/rows.h"

namespace ablate {

Tensor convert(Graph& graph, const Tensor& x, DType to) {
  if (x.dtype == to) return x;
  const std::uint64_t count = x.size();
  const Tensor y = graph.tensor(x.shape, to);
  graph.dispatch({.shader = "elementwise/convert",
                  .push = {x, y, count},
                  .cut = cut_elements(count, {0, 1, 2}),
                  .items = groups_in(count),
                  .constants = for_elements(x) + Specialization{{"TO", static_cast<std::uint32_t>(to)}},
                  .cost = {.flop = 0, .bytes = static_cast<double>(x.bytes() + y.bytes())}});
  return graph.differentiable(y, {x}, [x](Graph& g, const Tensor& dy) { return std::vector<Tensor>{convert(g, dy, g.gradient_dtype(x))}; });
}

}  // namespace ablate
