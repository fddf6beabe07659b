#include "ops/statistics/non_finite.h"

#include "ops/rows.h"
#include "ops/statistics/row_kernel.h"

#include <algorithm>

namespace ablate {

void count_non_finite(Graph& graph, const Tensor& x, const Tensor& found) {
  require(found.dtype == DType::i32 && found.size() == 2, "count_non_finite: expected two counters, found {} {}", name_of(found.dtype),
          to_string(found.shape));
  const std::uint32_t rows = x.rows(), dim = x.dim(-1),
                      most = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(graph.caps().max_elements / dim));
  require(rows < 1u << 31, "count_non_finite: {} rows of {}; places are told of fewer than 2147483648", rows, to_string(x.shape));
  const Tensor flat = rows > most ? graph.reshape(x, {rows, dim}) : x;
  for (std::uint32_t first = 0; first < rows; first += most) {
    const Tensor part = rows > most ? graph.slice(flat, first, std::min(most, rows - first)) : flat;
    graph.dispatch({.shader = "statistics/non_finite",
                    .push = {part, found, part.rows(), dim, first},
                    .rows = part.rows(),
                    .constants = for_rows(part, dim) + Specialization{{"LANES", graph.caps().subgroup_size}},
                    .cost = one_read(part, 1)});
  }
}

NonFinite NonFinite::of(std::span<const std::int32_t> found) {
  const auto count = static_cast<std::uint32_t>(found[0]), place = 0xffffffffu - static_cast<std::uint32_t>(found[1]);
  return count == 0 ? NonFinite{} : NonFinite{count, place / 2, place % 2 == 0};
}

}  // namespace ablate
