#pragma once

#include "ops/op.h"

namespace ablate {

/// x in another element type, rounded to nearest even; x itself when it has that type. Differentiable.
Tensor convert(Graph& graph, const Tensor& x, DType to);

}  // namespace ablate
