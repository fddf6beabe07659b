#include "ops/embedding.h"

#include "ops/convert.h"
#include "ops/fill.h"
#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>
#include <bit>

namespace ablate {
namespace {

Specialization table_type(DType type) { return {{"TABLE_TYPE", static_cast<std::uint32_t>(type)}}; }

// The workgroups of the table's gradient: wide enough for a row of the table where that can be, so that the ids are read but once for it.
struct Launch {
  std::uint32_t lanes, tile, kept;  ///< as in shaders/embedding/embedding_backward.comp

  Launch(const Caps& caps, std::uint32_t dim) {
    const std::uint32_t groups = std::bit_ceil((dim + 3) / 4);
    const std::uint32_t wanted = caps.is_cpu() ? caps.subgroup_size : std::clamp(groups, 256u, 1024u);
    lanes = std::bit_floor(std::min(wanted, caps.max_invocations));
    tile = std::min(lanes, groups);
    kept = caps.is_cpu() ? std::min(8u, groups / tile) : 1;
  }
  Specialization constants() const { return {{"LANES", lanes}, {"TILE", tile}, {"KEPT", kept}}; }
};

Tensor table_gradient(Graph& graph, const Tensor& ids, const Tensor& table, const Tensor& dy) {
  const std::uint32_t tokens = static_cast<std::uint32_t>(ids.size()), vocabulary = table.dim(0), dim = table.dim(1);
  // A small vocabulary means long lists: split the tokens, as far as the partial sums stay a quarter of dy.
  const std::uint32_t chunks = std::clamp(tokens / vocabulary / 4, 1u, 64u);
  const DType type = chunks > 1 ? DType::f32 : graph.gradient_dtype(table);
  const Tensor before = chunks > 1 ? Tensor() : graph.take_gradient(table);
  const Tensor dtable = graph.tensor(chunks > 1 ? Shape{chunks, vocabulary * dim} : table.shape, type);
  const Launch launch(graph.caps(), dim);
  graph.dispatch(
      {.shader = "embedding/embedding_backward",
       .push = {ids, dy, before, dtable, tokens, vocabulary, dim, chunks},
       .rows = std::uint64_t{chunks} * vocabulary * ((dim + 4 * launch.tile * launch.kept - 1) / (4 * launch.tile * launch.kept)),
       .constants = for_rows(dy, dim, {before}) + table_type(type) + launch.constants(),
       .cost = {.flop = static_cast<double>(dy.size()),
                .bytes = static_cast<double>(ids.bytes() + dy.bytes() + dtable.bytes() + before.bytes())}});
  if (chunks == 1) return dtable;
  return convert(graph, graph.reshape(sum_rows(graph, dtable), table.shape), graph.gradient_dtype(table));
}

Tensor position_gradient(Graph& graph, const Tensor& table, const Tensor& dy) {
  const std::uint32_t batch = dy.dim(0), time = dy.dim(1), dim = dy.dim(2);
  const Tensor dtable = graph.tensor(table.shape, DType::f32);
  sum_rows_into(graph, graph.reshape(dy, {batch, time * dim}), graph.slice(dtable, 0, time));
  if (time < table.dim(0)) fill(graph, graph.slice(dtable, time, table.dim(0) - time), 0);
  return convert(graph, dtable, graph.gradient_dtype(table));
}

}  // namespace

Tensor embedding(Graph& graph, const Tensor& ids, const Tensor& table, DType out) {
  require(ids.dtype == DType::i32 && table.shape.size() == 2, "embedding: ids {} {}, table {}", name_of(ids.dtype), to_string(ids.shape),
          to_string(table.shape));
  const std::uint32_t tokens = static_cast<std::uint32_t>(ids.size()), vocabulary = table.dim(0), dim = table.dim(1);
  Shape shape = ids.shape;
  shape.push_back(dim);
  const Tensor y = graph.tensor(shape, out);
  graph.dispatch(
      {.shader = "embedding/embedding",
       .push = {ids, table, y, tokens, vocabulary, dim},
       .items = groups_of(tokens, dim),
       .constants = for_rows(y, dim, {table}) + table_type(table.dtype),
       .cost = {.flop = 0,
                .bytes = static_cast<double>(ids.bytes() + y.bytes() + std::min(table.bytes(), y.size() * bytes_of(table.dtype)))}});
  return graph.differentiable(y, {table},
                              [=](Graph& g, const Tensor& dy) { return std::vector<Tensor>{table_gradient(g, ids, table, dy)}; });
}

Tensor add_positions(Graph& graph, const Tensor& x, const Tensor& table) {
  require(x.shape.size() == 3 && table.shape.size() == 2 && table.dim(1) == x.dim(2) && table.dim(0) >= x.dim(1),
          "add_positions: x is {}, the table {}", to_string(x.shape), to_string(table.shape));
  const Tensor y = graph.like(x);
  const std::uint64_t row_bytes = table.bytes() / table.dim(0);
  graph.dispatch({.shader = "embedding/add_positions",
                  .push = {x, table, y, x.rows(), x.dim(2), x.dim(1)},
                  .items = groups_of(x.rows(), x.dim(2)),
                  .constants = for_rows(x, x.dim(2), {table}) + table_type(table.dtype),
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = static_cast<double>(2 * x.bytes() + row_bytes * x.dim(1))}});
  return graph.differentiable(y, {x, table}, [=](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{dy, g.wants_gradient(table) ? position_gradient(g, table, dy) : Tensor()};
  });
}

}  // namespace ablate
