#pragma once

#include "ops/op.h"

namespace ablate {

/// gpt-oss's gated linear unit: (clamp(up, -limit, limit) + 1) * g * sigmoid(alpha * g) with g = min(gate, limit). gate, up: one shape and type -> the
/// same. Differentiable in both; what was clamped has no gradient. Throws InputError when they differ.
Tensor clamped_swiglu(Graph& graph, const Tensor& gate, const Tensor& up, float limit, float alpha);

}  // namespace ablate
