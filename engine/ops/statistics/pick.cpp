#include "ops/statistics/pick.h"

namespace ablate {

Tensor pick(Graph& graph, const Tensor& x, const TopEntries& top) {
  const std::uint32_t groups = top.values.dim(0), k = top.values.dim(1);
  require(x.rows() % groups == 0, "pick: {} rows in {} groups", x.rows(), groups);
  const Tensor y = graph.tensor({groups, k}, DType::f32);
  graph.dispatch({.shader = "statistics/pick",
                  .push = {x, top.rows, top.channels, y, groups, k, x.rows() / groups, x.dim(-1)},
                  .cut = cut_along(groups, {{0, std::uint64_t{x.rows() / groups} * x.dim(-1)}, {1, k}, {2, k}, {3, k}, {4, 1}}),
                  .items = y.size(),
                  .constants = for_type(x),
                  .cost = {.bytes = static_cast<double>(y.size()) * 16}});
  return y;
}

}  // namespace ablate
