#pragma once

#include "ops/op.h"

namespace ablate {

/// Layer normalisation without a bias (Ba et al. 2016): (x - mean(x)) * rsqrt(var(x) + eps) * weight.
/// x: (..., D), weight: (D) f32 -> like x. Differentiable. Throws InputError when the weight has not D channels.
Tensor layernorm(Graph& graph, const Tensor& x, const Tensor& weight, float eps);

}  // namespace ablate
