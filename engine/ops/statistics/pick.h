#pragma once

#include "ops/statistics/top_entries.h"

namespace ablate {

/// Signed values of x (..., C) where `top` found the largest entries of its groups: (groups, k) f32. x must have as many rows as what `top` was taken
/// of; it need not be the same tensor. 0 where a group had fewer entries.
Tensor pick(Graph& graph, const Tensor& x, const TopEntries& top);

}  // namespace ablate
