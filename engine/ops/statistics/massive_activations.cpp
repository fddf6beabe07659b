#include "ops/statistics/massive_activations.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

MassiveActivations massive_activations(Graph& graph, const Tensor& x, const Tensor& medians, float threshold, float ratio,
                                       std::uint32_t listed) {
  const std::uint32_t rows = x.rows(), dim = x.dim(-1), groups = dimension(medians.size(), "massive_activations: medians");
  require(medians.dtype == DType::f32 && groups > 0 && rows % groups == 0, "massive_activations: {} rows, {} medians in {}", rows, groups,
          name_of(medians.dtype));
  require(threshold >= 0 && listed > 0, "massive_activations: a threshold of {} and a list of {}; they must be at least 0 and 1", threshold,
          listed);
  const Tensor counts = graph.tensor({rows}, DType::i32);
  graph.dispatch({.shader = "statistics/massive_count",
                  .push = {x, medians, counts, rows, dim, rows / groups, threshold, ratio},
                  .cut = cut_along(groups, {{0, std::uint64_t{rows / groups} * dim}, {1, 1}, {2, rows / groups}, {3, rows / groups}}),
                  .rows = rows,
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = one_read(x, 2)});
  const MassiveActivations found{graph.tensor({1}, DType::i32), graph.tensor({listed}, DType::i32), graph.tensor({listed}, DType::i32),
                                 graph.tensor({listed}, DType::f32)};
  graph.dispatch({.shader = "statistics/massive_list",
                  .push = {x, medians, counts, found.count, found.rows, found.channels, found.values, rows, dim, rows / groups, listed,
                           threshold, ratio},
                  .rows = rows,
                  .constants = for_type(x),
                  .cost = one_read(counts, 1)});
  return found;
}

}  // namespace ablate
