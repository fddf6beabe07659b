#include "ops/statistics/count_changed.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor count_changed(Graph& graph, const Tensor& a, const Tensor& b) {
  require(a.shape == b.shape && a.dtype == b.dtype, "count_changed: {} {} and {} {}", name_of(a.dtype), to_string(a.shape),
          name_of(b.dtype), to_string(b.shape));
  const Tensor counts = graph.tensor({a.rows()}, DType::i32);
  graph.dispatch({.shader = "statistics/count_changed",
                  .push = {a, b, counts, a.rows(), a.dim(-1)},
                  .cut = cut_along(a.rows(), {{0, a.dim(-1)}, {1, a.dim(-1)}, {2, 1}, {3, 1}}),
                  .rows = a.rows(),
                  .constants = one_subgroup_per_row(graph, a),
                  .cost = {.flop = static_cast<double>(a.size()), .bytes = 2.0 * static_cast<double>(a.bytes())}});
  return counts;
}

}  // namespace ablate
