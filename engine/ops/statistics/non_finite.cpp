#include "ops/statistics/non_finite.h"

#include "ops/rows.h"
#include "ops/statistics/row_kernel.h"

namespace ablate {

void count_non_finite(Graph& graph, const Tensor& x, const Tensor& found) {
  require(found.dtype == DType::i32 && found.size() == 2, "count_non_finite: expected two counters, found {} {}", name_of(found.dtype),
          to_string(found.shape));
  graph.dispatch({.shader = "statistics/non_finite",
                  .push = {x, found, x.rows(), x.dim(-1)},
                  .rows = x.rows(),
                  .constants = for_rows(x, x.dim(-1)) + Specialization{{"LANES", graph.caps().subgroup_size}},
                  .cost = one_read(x, 1)});
}

NonFinite NonFinite::of(std::span<const std::int32_t> found) {
  const auto count = static_cast<std::uint32_t>(found[0]), place = 0xffffffffu - static_cast<std::uint32_t>(found[1]);
  return count == 0 ? NonFinite{} : NonFinite{count, place / 2, place % 2 == 0};
}

}  // namespace ablate
