#pragma once

#include "ops/op.h"

namespace ablate {

/// a * b, element by element: one shape and type -> the same. Differentiable. Throws InputError when they differ.
Tensor multiply(Graph& graph, const Tensor& a, const Tensor& b);

}  // namespace ablate
