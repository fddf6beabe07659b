#pragma once

#include "ops/op.h"

namespace ablate {

/// Of every row of a (..., C) and b, of one shape and type: the sums of a^2 and of (a - b)^2, (rows, 2) f32. Throws InputError where they differ.
Tensor row_errors(Graph& graph, const Tensor& a, const Tensor& b);

}  // namespace ablate
