#include "ops/statistics/massive_activations.h"

#include "ops/statistics/counters.h"
#include "ops/statistics/row_kernel.h"

namespace ablate {

MassiveActivations massive_activations(Graph& graph, const Tensor& x, const Tensor& medians, float threshold, float ratio) {
  const std::uint32_t rows = x.rows(), dim = x.dim(-1), groups = dimension(medians.size(), "massive_activations: medians");
  require(medians.dtype == DType::f32 && groups > 0 && rows % groups == 0, "massive_activations: {} rows, {} medians in {}", rows, groups,
          name_of(medians.dtype));
  require(threshold >= 0, "massive_activations: a threshold of {}; it must be at least 0", threshold);
  const MassiveActivations found{graph.tensor({rows}, DType::i32), counters(graph, {dim})};
  graph.dispatch({.shader = "statistics/massive_activations",
                  .push = {x, medians, found.rows, found.channels, rows, dim, rows / groups, threshold, ratio},
                  .cut = cut_along(groups, {{0, std::uint64_t{rows / groups} * dim}, {1, 1}, {2, rows / groups}, {4, rows / groups}}),
                  .rows = rows,
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = one_read(x, 2)});
  return found;
}

}  // namespace ablate
