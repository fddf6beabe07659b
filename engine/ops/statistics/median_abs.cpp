#include "ops/statistics/median_abs.h"

#include "ops/fill.h"
#include "ops/statistics/row_kernel.h"

#include <algorithm>

namespace ablate {
namespace {

constexpr std::uint32_t bins = 2048;  // as in the kernels

struct Digit {
  std::uint32_t shift, bits;
};
constexpr Digit digits[] = {{20, 11}, {10, 10}, {0, 10}};  // 31 bits: |x| has no sign

}  // namespace

Tensor median_abs(Graph& graph, const Tensor& x, std::uint32_t groups) {
  require(groups > 0 && x.rows() % groups == 0 && x.size() > 0, "median_abs: {} cannot be split into {} equal groups of rows",
          to_string(x.shape), groups);
  const std::uint32_t size = dimension(x.size() / groups, "median_abs: elements of a group");
  const std::uint32_t chunks = std::clamp(size / 8192, 1u, std::max(512 / groups, 1u)),
                      per_chunk = static_cast<std::uint32_t>((size / chunks + (size % chunks != 0) + 3) / 4 * 4);
  const Tensor median = graph.tensor({groups}, DType::f32);
  std::vector<float> first;  // bit patterns: of no digits, an empty prefix and the median's rank
  for (std::uint32_t group = 0; group < groups; ++group) first.insert(first.end(), {0.0f, std::bit_cast<float>((size - 1) / 2)});
  Tensor selection = graph.constant("median rank", {groups, 2}, std::move(first));
  for (const auto& [shift, bits] : digits) {
    const Tensor counts = graph.tensor({groups, bins}, DType::f32);  // of whole numbers; zero has the same bits
    fill(graph, counts, 0);
    graph.dispatch({.shader = "statistics/median_histogram",
                    .push = {x, selection, counts, groups, size, chunks, per_chunk, shift, bits},
                    .cut = cut_along(groups, {{0, size}, {1, 2}, {2, bins}, {3, 1}}),
                    .rows = std::uint64_t{groups} * chunks,
                    .constants = for_type(x),
                    .cost = one_read(x, 1)});
    const Tensor next = graph.tensor({groups, 2}, DType::i32);
    graph.dispatch({.shader = "statistics/median_select",
                    .push = {counts, selection, next, shift == 0 ? median : Tensor(), groups, bits},
                    .rows = groups,
                    .cost = one_read(counts, 1)});
    selection = next;
  }
  return median;
}

}  // namespace ablate
