#include "ops/statistics/top_entries.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

TopEntries top_entries(Graph& graph, const TopChannels& top, std::uint32_t groups) {
  const std::uint32_t rows = top.values.dim(0), k = top.values.dim(1);
  require(groups > 0 && rows % groups == 0, "top_entries: {} rows cannot be split into {} equal groups", rows, groups);
  const TopEntries best{graph.tensor({groups, k}, DType::f32), graph.tensor({groups, k}, DType::i32),
                        graph.tensor({groups, k}, DType::i32)};
  graph.dispatch(
      {.shader = "statistics/top_entries",
       .push = {top.values, top.channels, best.values, best.rows, best.channels, groups, rows / groups},
       .cut = cut_along(groups,
                        {{0, std::uint64_t{rows / groups} * k}, {1, std::uint64_t{rows / groups} * k}, {2, k}, {3, k}, {4, k}, {5, 1}}),
       .rows = groups,
       .constants = {{"K", k}},
       .cost = one_read(top.values, 1)});
  return best;
}

}  // namespace ablate
