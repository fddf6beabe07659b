#pragma once

#include "ops/op.h"

namespace ablate {

/// a + b, same shape and type: the residual stream's sum. Differentiable.
Tensor add(Graph& graph, const Tensor& a, const Tensor& b);

/// Appends the backward pass of `loss` (seeded with `seed`); see Graph::backward.
void backward(Graph& graph, const Tensor& loss, const Tensor& seed);

}  // namespace ablate
