#pragma once

#include "ops/op.h"

namespace ablate {

/// Entries that are massive by Sun et al. 2024 (arXiv 2402.17762): |x| > threshold and |x| >= ratio * median |x| of their group.
struct MassiveActivations {
  Tensor count;     ///< (1) i32: all of them
  Tensor rows;      ///< (listed) i32: the first ones by row, then channel; -1 where there are fewer
  Tensor channels;  ///< (listed) i32
  Tensor values;    ///< (listed) f32, signed
};

/// x: (..., C) f32, f16 or bf16; medians: (groups) f32 of equal runs of rows, as median_abs gives them. At most `listed` entries are
/// listed.
MassiveActivations massive_activations(Graph& graph, const Tensor& x, const Tensor& medians, float threshold, float ratio,
                                       std::uint32_t listed);

}  // namespace ablate
