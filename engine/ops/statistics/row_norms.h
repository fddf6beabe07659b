#pragma once

#include "ops/op.h"

namespace ablate {

/// L2 norm of every row: x (..., C) f32, f16 or bf16 -> (rows) f32.
Tensor row_norms(Graph& graph, const Tensor& x);

}  // namespace ablate
