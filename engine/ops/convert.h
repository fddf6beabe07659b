#pragma once

#include "ops/matrix.h"
#include "ops/op.h"

namespace ablate {

/// x in another element type, rounded to nearest even; x itself when it has that type. Blocks of a storage format are decoded. Differentiable.
Tensor convert(Graph& graph, const Tensor& x, DType to);

/// The same matrix in numbers: f32 where it is kept in blocks.
Matrix in_numbers(Graph& graph, const Matrix& w);

}  // namespace ablate
