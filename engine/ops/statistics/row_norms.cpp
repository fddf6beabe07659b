#include "ops/statistics/row_norms.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor row_norms(Graph& graph, const Tensor& x) {
  const Tensor norms = graph.tensor({x.rows()}, DType::f32);
  graph.dispatch({.shader = "statistics/row_norms",
                  .push = {x, norms, x.rows(), x.dim(-1)},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, 1}, {2, 1}}),
                  .rows = x.rows(),
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = one_read(x, 2)});
  return norms;
}

}  // namespace ablate
