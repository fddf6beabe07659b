#include "ops/statistics/row_medians.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor row_medians(Graph& graph, const Tensor& x) {
  const std::uint32_t rows = x.rows(), dim = x.dim(-1);
  const Tensor medians = graph.tensor({rows}, DType::f32);
  graph.dispatch({.shader = "statistics/row_medians",
                  .push = {x, medians, rows, dim},
                  .cut = cut_along(rows, {{0, dim}, {1, 1}, {2, 1}}),
                  .rows = rows,
                  .constants = for_type(x),
                  .cost = one_read(x, 1)});
  return medians;
}

}  // namespace ablate
