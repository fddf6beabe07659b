#pragma once

#include "ops/op.h"

namespace ablate {

/// Entries that are massive by Sun et al. 2024 (arXiv 2402.17762): |x| > threshold and |x| >= ratio * median |x| of their group. NaN counts
/// as larger than infinity. Every one of them is counted.
struct MassiveActivations {
  Tensor rows;      ///< (rows) i32: how many every row has
  Tensor channels;  ///< (C) i32: how many every channel has
};

/// x: (..., C) f32, f16 or bf16; medians: (groups) f32 of equal runs of rows, as median_abs gives them.
MassiveActivations massive_activations(Graph& graph, const Tensor& x, const Tensor& medians, float threshold, float ratio);

}  // namespace ablate
