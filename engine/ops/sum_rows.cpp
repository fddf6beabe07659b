#include "ops/sum_rows.h"

#include <algorithm>

namespace ablate {

Tensor sum_rows(Graph& graph, const Tensor& x) {
  require(x.dtype == DType::f32 && x.shape.size() == 2, "sum_rows: expected f32 (rows, dim), found {} {}", name_of(x.dtype), to_string(x.shape));
  const Tensor y = graph.tensor({x.dim(1)}, DType::f32);
  graph.dispatch({.shader = "reduce/sum_rows",
                  .push = {x, y, x.dim(0), x.dim(1)},
                  .items = x.dim(1),
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() + y.bytes())}});
  return y;
}

std::uint32_t row_chunks(std::uint32_t rows) { return std::clamp(rows / 64u, 1u, 128u); }

}  // namespace ablate
