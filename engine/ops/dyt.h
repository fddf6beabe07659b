#pragma once

#include "ops/op.h"

namespace ablate {

/// Dynamic tanh (Zhu et al. 2025, arXiv 2503.10622), a norm without statistics: weight * tanh(alpha * x) (+ bias).
/// x: (..., D), weight, bias: (D) f32, alpha: (1) f32 -> like x. Differentiable. Throws InputError when the parameters do not fit.
Tensor dyt(Graph& graph, const Tensor& x, const Tensor& weight, const Tensor& alpha, const Tensor& bias = {});

}  // namespace ablate
