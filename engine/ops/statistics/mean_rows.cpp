#include "ops/statistics/mean_rows.h"

#include "ops/statistics/row_kernel.h"
#include "ops/sum_rows.h"

namespace ablate {

Tensor mean_rows(Graph& graph, const Tensor& x) {
  const std::uint32_t rows = x.rows(), chunks = row_chunks(rows), per_chunk = (rows + chunks - 1) / chunks;
  const Tensor partial = graph.tensor({chunks, x.dim(-1)}, DType::f32);
  graph.dispatch({.shader = "statistics/mean_rows",
                  .push = {x, partial, rows, x.dim(-1), chunks, per_chunk},
                  .items = partial.size(),
                  .constants = for_type(x),
                  .cost = one_read(x, 1)});
  return sum_rows(graph, partial);
}

}  // namespace ablate
