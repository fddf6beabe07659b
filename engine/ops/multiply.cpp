#include "ops/multiply.h"

namespace ablate {

Tensor multiply(Graph& graph, const Tensor& a, const Tensor& b) {
  require(a.shape == b.shape && a.dtype == b.dtype, "multiply: {} {} and {} {}", name_of(a.dtype), to_string(a.shape), name_of(b.dtype),
          to_string(b.shape));
  const Tensor y = graph.like(a);
  graph.dispatch({.shader = "elementwise/multiply",
                  .push = {a, b, y, static_cast<std::uint32_t>(a.size())},
                  .items = (a.size() + 3) / 4,
                  .constants = for_type(a),
                  .cost = {.flop = static_cast<double>(a.size()), .bytes = 3.0 * static_cast<double>(a.bytes())}});
  return graph.differentiable(y, {a, b}, [a, b](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{g.wants_gradient(a) ? multiply(g, dy, b) : Tensor(), g.wants_gradient(b) ? multiply(g, dy, a) : Tensor()};
  });
}

}  // namespace ablate
