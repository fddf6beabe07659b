#pragma once

#include "ops/op.h"

namespace ablate {

/// x (..., C) + bias (C) f32 -> like x. Differentiable in both. Throws InputError when the bias has not C channels.
Tensor add_bias(Graph& graph, const Tensor& x, const Tensor& bias);

}  // namespace ablate
