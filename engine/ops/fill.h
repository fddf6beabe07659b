#pragma once

#include "ops/op.h"

namespace ablate {

/// Sets every element of x. Not differentiable.
void fill(Graph& graph, const Tensor& x, float value);

}  // namespace ablate
