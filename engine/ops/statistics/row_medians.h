#pragma once

#include "ops/op.h"

namespace ablate {

/// The exact median of |x| of every row -> (rows) f32; of an even number of entries the lower of the middle two, as torch.median. x: (..., C) f32, f16 or bf16.
Tensor row_medians(Graph& graph, const Tensor& x);

}  // namespace ablate
