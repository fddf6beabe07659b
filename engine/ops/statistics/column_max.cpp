#include "ops/statistics/column_max.h"

#include "ops/statistics/row_kernel.h"
#include "ops/sum_rows.h"

namespace ablate {

ColumnMax column_max(Graph& graph, const Tensor& x) {
  const std::uint32_t rows = x.rows(), dim = x.dim(-1), per_chunk = (rows + row_chunks(rows) - 1) / row_chunks(rows),
                      chunks = (rows + per_chunk - 1) / per_chunk;
  const Tensor values = graph.tensor({chunks, dim}, DType::f32), at = graph.tensor({chunks, dim}, DType::i32);
  graph.dispatch({.shader = "statistics/column_max",
                  .push = {x, values, at, rows, dim, chunks, per_chunk},
                  .items = values.size(),
                  .constants = for_type(x),
                  .cost = one_read(x, 1)});
  const ColumnMax most{graph.tensor({dim}, DType::f32), graph.tensor({dim}, DType::i32)};
  graph.dispatch({.shader = "statistics/column_max_merge",
                  .push = {values, at, most.values, most.rows, chunks, dim},
                  .items = dim,
                  .cost = one_read(values, 1)});
  return most;
}

}  // namespace ablate
