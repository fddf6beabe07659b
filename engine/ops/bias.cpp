#include "ops/bias.h"

#include "ops/rows.h"
#include "ops/sum_rows.h"

namespace ablate {

Tensor add_bias(Graph& graph, const Tensor& x, const Tensor& bias) {
  require(bias.size() == x.dim(-1) && bias.dtype == DType::f32, "add_bias: x has {} channels, its bias {} of type {}", x.dim(-1),
          bias.size(), name_of(bias.dtype));
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = "elementwise/bias",
                  .push = {x, bias, y, x.rows(), x.dim(-1)},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {2, x.dim(-1)}, {3, 1}}),
                  .items = groups_of(x.rows(), x.dim(-1)),
                  .constants = for_rows(x, x.dim(-1)),
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x, bias}, [=](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{dy, g.wants_gradient(bias) ? sum_rows(g, g.reshape(dy, {x.rows(), x.dim(-1)})) : Tensor()};
  });
}

}  // namespace ablate
