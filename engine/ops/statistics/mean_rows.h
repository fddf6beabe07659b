#pragma once

#include "ops/op.h"

namespace ablate {

/// Mean of the rows: x (..., C) f32, f16 or bf16 -> (C) f32, summed in a fixed order.
Tensor mean_rows(Graph& graph, const Tensor& x);

}  // namespace ablate
