#include "ops/rmsnorm.h"

#include "ops/norm.h"
#include "ops/sum_rows.h"

namespace ablate {
namespace {

Tensor input_gradient(Graph& graph, const Tensor& x, const Tensor& weight, const Tensor& rstd, const Tensor& dy) {
  const Tensor before = graph.take_gradient(x), dx = graph.like(x);
  graph.dispatch({.shader = "norm/rmsnorm_backward",
                  .push = {x, dy, before, weight, rstd, dx, x.rows(), x.dim(-1)},
                  .rows = x.rows(),
                  .constants = for_type(x),
                  .cost = {.flop = 8.0 * static_cast<double>(x.size()), .bytes = (before ? 4.0 : 3.0) * static_cast<double>(x.bytes())}});
  return dx;
}

Tensor weight_gradient(Graph& graph, const Tensor& x, const Tensor& rstd, const Tensor& dy) {
  const std::uint32_t chunks = row_chunks(x.rows());
  const Tensor partial = graph.tensor({chunks, x.dim(-1)}, DType::f32);
  graph.dispatch({.shader = "norm/rmsnorm_weight_gradient",
                  .push = {x, dy, rstd, partial, x.rows(), x.dim(-1), chunks},
                  .items = partial.size(),
                  .constants = for_type(x),
                  .cost = {.flop = 3.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return sum_rows(graph, partial);
}

}  // namespace

Tensor rmsnorm(Graph& graph, const Tensor& x, const Tensor& weight, float eps) {
  require(x.dim(-1) == weight.size(), "rmsnorm: x has {} channels, its weight {}", x.dim(-1), weight.size());
  const Tensor y = graph.like(x), rstd = graph.tensor({x.rows()}, DType::f32);
  graph.dispatch({.shader = "norm/rmsnorm",
                  .push = {x, weight, y, rstd, x.rows(), x.dim(-1), eps},
                  .rows = x.rows(),
                  .constants = for_type(x),
                  .cost = {.flop = 4.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x, weight}, [=](Graph& g, const Tensor& dy) {
    const Tensor dw = g.wants_gradient(weight) ? weight_gradient(g, x, rstd, dy) : Tensor();
    return std::vector<Tensor>{g.wants_gradient(x) ? input_gradient(g, x, weight, rstd, dy) : Tensor(), dw};
  });
}

static const Norms::Registration registration("rmsnorm", {[](Graph& g, const NormArgs& a) { return rmsnorm(g, a.x, a.parameter("weight"), a.eps); }});

}  // namespace ablate
