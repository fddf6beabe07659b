#include "ops/embedding.h"

#include "ops/convert.h"
#include "ops/fill.h"
#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace ablate {
namespace {

Specialization table_type(DType type) { return {{"TABLE_TYPE", static_cast<std::uint32_t>(type)}}; }

// The workgroups of the table's gradient: wide enough for a row of the table where that can be, so that the ids are read but once for it.
struct Launch {
  std::uint32_t lanes, tile, kept;  ///< as in shaders/embedding/embedding_backward.comp

  Launch(const Caps& caps, std::uint32_t dim) {
    const std::uint32_t groups = std::bit_ceil(static_cast<std::uint32_t>(groups_in(dim)));
    const std::uint32_t wanted = caps.is_cpu() ? caps.subgroup_size : std::clamp(groups, 256u, 1024u);
    lanes = std::bit_floor(std::min(wanted, caps.max_invocations));
    tile = std::min(lanes, groups);
    kept = caps.is_cpu() ? std::min(8u, groups / tile) : 1;
  }
  Specialization constants() const { return {{"LANES", lanes}, {"TILE", tile}, {"KEPT", kept}}; }
};

// Which rows of the whole table a part of it holds.
struct Part {
  Tensor table;  // (rows, D)
  std::uint64_t first, vocabulary;
};

Tensor part_gradient(Graph& graph, const Tensor& ids, const Part& part, const Tensor& dy) {
  const Tensor& table = part.table;
  const std::uint32_t tokens = dimension(ids.size(), "embedding: tokens"), rows = table.dim(0), dim = table.dim(1);
  // A small vocabulary means long lists: split the tokens, as far as the partial sums stay a quarter of dy. What a kernel cannot index is
  // split in any case: a launch can be cut into chunks.
  const std::uint64_t indexable = std::max<std::uint64_t>(graph.caps().max_elements / dim, 1);  // tokens
  const auto chunks =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(std::clamp(tokens / rows / 4, 1u, 64u), (tokens + indexable - 1) / indexable));
  const std::uint64_t per_chunk = chunk_of(tokens, chunks);
  const DType type = chunks > 1 ? DType::f32 : graph.gradient_dtype(table);
  const Tensor before = chunks > 1 ? Tensor() : graph.take_gradient(table);
  const Tensor dtable =
      graph.tensor(chunks > 1 ? Shape{chunks, dimension(table.size(), "embedding: elements of the table")} : table.shape, type);
  const Launch launch(graph.caps(), dim);
  graph.dispatch(
      {.shader = "embedding/embedding_backward",
       .push = {ids, dy, before, dtable, tokens, part.vocabulary, part.first, rows, dim, chunks},
       .cut = cut_along(chunks, {{0, per_chunk}, {1, per_chunk * dim}, {3, table.size()}, {4, per_chunk}, {9, 1}}),
       .rows = std::uint64_t{chunks} * rows * ((std::uint64_t{dim} + 4 * launch.tile * launch.kept - 1) / (4 * launch.tile * launch.kept)),
       .constants = for_rows(dy, dim, {before}) + table_type(type) + launch.constants(),
       .cost = {.flop = static_cast<double>(dy.size()),
                .bytes = static_cast<double>(ids.bytes() + dy.bytes() + dtable.bytes() + before.bytes())}});
  if (chunks == 1) return dtable;
  return convert(graph, graph.reshape(sum_rows(graph, dtable), table.shape), graph.gradient_dtype(table));
}

Tensor position_gradient(Graph& graph, const Tensor& table, const Tensor& dy) {
  const std::uint32_t batch = dy.dim(0), time = dy.dim(1), dim = dy.dim(2);
  const Tensor dtable = graph.tensor(table.shape, DType::f32);
  const std::uint32_t elements = dimension(std::uint64_t{time} * dim, "add_positions: elements of a sequence");
  sum_rows_into(graph, graph.reshape(dy, {batch, elements}), graph.slice(dtable, 0, time));
  if (time < table.dim(0)) fill(graph, graph.slice(dtable, time, table.dim(0) - time), 0);
  return convert(graph, dtable, graph.gradient_dtype(table));
}

}  // namespace

Tensor embedding(Graph& graph, const Tensor& ids, const Matrix& table, DType out) {
  require(ids.dtype == DType::i32 && table.is_matrix(), "embedding: ids {} {}, table {}", name_of(ids.dtype), to_string(ids.shape),
          to_string(table));
  require(table.rows() <= std::numeric_limits<std::int32_t>::max(), "embedding: a table of {} rows, ids have 31 bits", table.rows());
  const std::uint32_t tokens = dimension(ids.size(), "embedding: tokens"), dim = table.columns();
  Shape shape = ids.shape;
  shape.push_back(dim);
  const Tensor y = graph.tensor(shape, out);
  std::vector<Part> parts;
  for (const Tensor& rows : table.parts) {
    const Part part{rows, parts.empty() ? 0 : parts.back().first + parts.back().table.dim(0), table.rows()};
    parts.push_back(part);
    graph.dispatch(
        {.shader = stored_kernel("embedding/embedding", rows.dtype),
         .push = {ids, rows, y, tokens, part.vocabulary, part.first, rows.dim(0), dim},
         .cut = cut_along(tokens, {{0, 1}, {2, dim}, {3, 1}}),
         .items = groups_of(tokens, dim),
         .constants = for_rows(y, dim, {rows}) + table_type(rows.dtype),
         .cost = {.flop = 0,
                  .bytes = static_cast<double>(ids.bytes() + y.bytes() + std::min(rows.bytes(), bytes_of(rows.dtype, y.size())))}});
  }
  return graph.differentiable(y, table.parts, [=](Graph& g, const Tensor& dy) {
    std::vector<Tensor> gradients;
    for (const Part& part : parts) gradients.push_back(part_gradient(g, ids, part, dy));
    return gradients;
  });
}

Tensor add_positions(Graph& graph, const Tensor& x, const Tensor& table) {
  require(x.shape.size() == 3 && table.shape.size() == 2 && table.dim(1) == x.dim(2) && table.dim(0) >= x.dim(1),
          "add_positions: x is {}, the table {}", to_string(x.shape), to_string(table.shape));
  const Tensor y = graph.like(x);
  const std::uint64_t row_bytes = table.bytes() / table.dim(0), sequence = std::uint64_t{x.dim(1)} * x.dim(2);
  graph.dispatch({.shader = "embedding/add_positions",
                  .push = {x, table, y, x.rows(), x.dim(2), x.dim(1)},
                  .cut = cut_along(x.dim(0), {{0, sequence}, {2, sequence}, {3, x.dim(1)}}),
                  .items = groups_of(x.rows(), x.dim(2)),
                  .constants = for_rows(x, x.dim(2), {table}) + table_type(table.dtype),
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = static_cast<double>(2 * x.bytes() + row_bytes * x.dim(1))}});
  return graph.differentiable(y, {x, table}, [=](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{dy, g.wants_gradient(table) ? position_gradient(g, table, dy) : Tensor()};
  });
}

}  // namespace ablate
