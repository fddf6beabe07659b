#include "ops/statistics/row_moments.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor row_moments(Graph& graph, const Tensor& x) {
  const Tensor moments = graph.tensor({x.rows(), 5}, DType::f32);
  graph.dispatch({.shader = "statistics/row_moments",
                  .push = {x, moments, x.rows(), x.dim(-1)},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, 5}, {2, 1}}),
                  .rows = x.rows(),
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = {.flop = 9.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return moments;
}

}  // namespace ablate
