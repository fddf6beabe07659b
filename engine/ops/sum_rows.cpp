#include "ops/sum_rows.h"

#include "ops/rows.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ablate {
namespace {

void sum_chunks(Graph& graph, const Tensor& x, const Tensor& y, std::uint32_t chunks) {
  const std::uint32_t dim = x.dim(1), lanes = graph.caps().is_cpu() ? std::bit_floor(graph.caps().subgroup_size)
                                                                    : std::min(256u, std::bit_floor(graph.caps().max_invocations));
  const std::uint32_t columns = std::bit_ceil(std::min({lanes, 32u, dim}));
  const std::uint64_t per_chunk = chunk_of(x.dim(0), chunks);
  graph.dispatch({.shader = "reduce/sum_rows",
                  .push = {x, y, x.dim(0), dim, chunks},
                  .cut = cut_along(chunks, {{0, per_chunk * dim}, {1, dim}, {2, per_chunk}, {4, 1}}),
                  .rows = std::uint64_t{chunks} * ((std::uint64_t{dim} + columns - 1) / columns),
                  .constants = {{"DTYPE", static_cast<std::uint32_t>(x.dtype)}, {"COLUMNS", columns}, {"LANES", lanes}},
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() + y.bytes())}});
}

}  // namespace

void sum_rows_into(Graph& graph, const Tensor& x, const Tensor& y) {
  require(x.shape.size() == 2 && y.dtype == DType::f32 && y.size() == x.dim(1), "sum_rows: {} {} into {} {}", name_of(x.dtype),
          to_string(x.shape), name_of(y.dtype), to_string(y.shape));
  // A workgroup's lanes read a chunk's rows in a chain; beyond some hundred rows two short chains are quicker than a long one.
  constexpr std::uint32_t one_pass = 256;
  const std::uint64_t most = graph.caps().max_elements;
  if (x.dim(0) <= 2 || (x.dim(0) <= one_pass && x.size() <= most)) return sum_chunks(graph, x, y, 1);
  // A chunk of rows is what a launch can be cut into.
  const auto few = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(x.dim(0))));
  const std::uint64_t indexable = std::max<std::uint64_t>(most / std::max(x.dim(1), 1u), 2);  // rows
  const auto chunks = static_cast<std::uint32_t>(std::max(x.dim(0) <= one_pass ? 1 : few, (x.dim(0) + indexable - 1) / indexable));
  const Tensor partial = graph.tensor({chunks, x.dim(1)}, DType::f32);
  sum_chunks(graph, x, partial, chunks);
  sum_rows_into(graph, partial, y);
}

Tensor sum_rows(Graph& graph, const Tensor& x) {
  const Tensor y = graph.tensor({x.dim(-1)}, DType::f32);
  sum_rows_into(graph, x, y);
  return y;
}

std::uint32_t row_chunks(std::uint32_t rows) { return std::clamp(rows / 64u, 1u, 128u); }

}  // namespace ablate
