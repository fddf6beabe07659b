#pragma once

#include "ops/op.h"

namespace ablate {

/// Root-mean-square normalisation (Zhang and Sennrich 2019; eq. 5 of arXiv 2603.05498): x * rsqrt(mean(x^2) + eps) * weight.
/// x: (..., D), weight: (D) f32 -> like x. Differentiable. Throws InputError when the weight has not D channels.
Tensor rmsnorm(Graph& graph, const Tensor& x, const Tensor& weight, float eps);

}  // namespace ablate
