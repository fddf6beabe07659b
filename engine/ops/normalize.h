// The kernel that RMS and layer normalisation share.
#pragma once

#include "ops/op.h"

namespace ablate {

/// (x - m) * rsqrt(mean((x - m)^2) + eps) * weight over the last dimension; m is the mean of x if `centered`, else 0. `op` names the caller
/// in messages.
Tensor normalize(Graph& graph, const char* op, const Tensor& x, const Tensor& weight, float eps, bool centered);

}  // namespace ablate
