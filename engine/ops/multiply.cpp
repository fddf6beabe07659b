#include "ops/multiply.h"

#include "ops/rows.h"

namespace ablate {

Tensor multiply(Graph& graph, const Tensor& a, const Tensor& b) {
  require(a.shape == b.shape && a.dtype == b.dtype, "multiply: {} {} and {} {}", name_of(a.dtype), to_string(a.shape), name_of(b.dtype),
          to_string(b.shape));
  const Tensor y = graph.like(a);
  graph.dispatch({.shader = "elementwise/multiply",
                  .push = {a, b, y, a.size()},
                  .cut = cut_elements(a.size(), {0, 1, 2, 3}),
                  .items = groups_in(a.size()),
                  .constants = for_type(a),
                  .cost = {.flop = static_cast<double>(a.size()), .bytes = 3.0 * static_cast<double>(a.bytes())}});
  return graph.differentiable(y, {a, b}, [a, b](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{g.wants_gradient(a) ? multiply(g, dy, b) : Tensor(), g.wants_gradient(b) ? multiply(g, dy, a) : Tensor()};
  });
}

}  // namespace ablate
