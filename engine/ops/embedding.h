#pragma once

#include "ops/matrix.h"
#include "ops/op.h"

namespace ablate {

/// Rows of a table: ids (..., T) i32, table (V, D) -> (..., T, D) in `out`. Differentiable in every part of the table; its gradient sums in
/// the order of the tokens. An id outside [0, V) reads the nearest row and gives it its gradient: the host is to refuse such ids before.
Tensor embedding(Graph& graph, const Tensor& ids, const Matrix& table, DType out);

/// Learned positions: x (B, T, D) plus rows 0 .. T-1 of the table (T_max, D), of any element type -> like x. Differentiable; the table's
/// gradient sums over the batch in order. Throws InputError when the table is too short.
Tensor add_positions(Graph& graph, const Tensor& x, const Tensor& table);

}  // namespace ablate
