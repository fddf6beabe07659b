#include "ops/statistics/user_statistic.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor user_statistic(Graph& graph, const UserShader& shader, const Tensor& x) {
  const Tensor y = graph.tensor({x.rows()}, DType::f32);
  graph.dispatch({.shader = "user/statistic" + shader.suffix,
                  .push = {x, y, x.rows(), x.dim(-1)},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, 1}, {2, 1}}),
                  .rows = x.rows(),
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = one_read(x, 4)});
  return y;
}

}  // namespace ablate
