#pragma once

#include "ops/op.h"

namespace ablate {

/// The exact median of |x| over all entries of each of `groups` equal runs of rows -> (groups) f32; of an even number of entries the lower
/// of the middle two, as torch.median. x: (..., C) f32, f16 or bf16. Radix selection on the bit pattern: three reads of x, integer counts.
Tensor median_abs(Graph& graph, const Tensor& x, std::uint32_t groups = 1);

}  // namespace ablate
