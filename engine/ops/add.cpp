#include "ops/add.h"

#include "ops/rows.h"

namespace ablate {

Tensor add(Graph& graph, const Tensor& a, const Tensor& b) {
  require(a.shape == b.shape && a.dtype == b.dtype, "add: {} {} and {} {}", name_of(a.dtype), to_string(a.shape), name_of(b.dtype),
          to_string(b.shape));
  const Tensor y = graph.like(a);
  graph.dispatch({.shader = "elementwise/add",
                  .push = {a, b, y, a.size()},
                  .cut = cut_elements(a.size(), {0, 1, 2, 3}),
                  .items = groups_in(a.size()),
                  .constants = for_type(a),
                  .cost = {.flop = static_cast<double>(a.size()), .bytes = 3.0 * static_cast<double>(a.bytes())}});
  return graph.differentiable(y, {a, b}, [](Graph&, const Tensor& dy) { return std::vector<Tensor>{dy, dy}; });
}

void backward(Graph& graph, const Tensor& loss, const Tensor& seed) {
  graph.backward(loss, seed, [](Graph& g, const Tensor& a, const Tensor& b) { return add(g, a, b); });
}

}  // namespace ablate
