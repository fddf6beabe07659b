#pragma once

#include "ops/op.h"

namespace ablate {

/// A short convolution over each channel's own past: y[t] = sum over j of w[j] x[t - taps + 1 + j], so that the last tap is the token itself; before the first
/// token x is 0. x: (B, T, C) -> the same; w: (C, 1, taps) f32, as PyTorch's depthwise Conv1d has it. Differentiable in both. Throws InputError when shapes do not
/// fit.
Tensor causal_conv(Graph& graph, const Tensor& x, const Tensor& w);

}  // namespace ablate
