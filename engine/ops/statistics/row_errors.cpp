#include "ops/statistics/row_errors.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor row_errors(Graph& graph, const Tensor& a, const Tensor& b) {
  require(a.shape == b.shape && a.dtype == b.dtype, "row_errors: {} {} and {} {}", name_of(a.dtype), to_string(a.shape), name_of(b.dtype),
          to_string(b.shape));
  const Tensor sums = graph.tensor({a.rows(), 2}, DType::f32);
  graph.dispatch({.shader = "statistics/row_errors",
                  .push = {a, b, sums, a.rows(), a.dim(-1)},
                  .cut = cut_along(a.rows(), {{0, a.dim(-1)}, {1, a.dim(-1)}, {2, 2}, {3, 1}}),
                  .rows = a.rows(),
                  .constants = one_subgroup_per_row(graph, a),
                  .cost = {.flop = 5.0 * static_cast<double>(a.size()), .bytes = 2.0 * static_cast<double>(a.bytes())}});
  return sums;
}

}  // namespace ablate
