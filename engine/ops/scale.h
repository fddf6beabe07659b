#pragma once

#include "ops/op.h"

namespace ablate {

/// x * factor. Differentiable.
Tensor scale(Graph& graph, const Tensor& x, float factor);

}  // namespace ablate
