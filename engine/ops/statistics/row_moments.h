#pragma once

#include "ops/op.h"

namespace ablate {

/// Of every row of x (..., C): its mean m, the sums of (x - m)^2, (x - m)^3 and (x - m)^4, and its largest |x|: (rows, 5) f32.
Tensor row_moments(Graph& graph, const Tensor& x);

}  // namespace ablate
