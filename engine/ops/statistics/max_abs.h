#pragma once

#include "ops/op.h"

namespace ablate {

/// The spike of a state: its largest |x| and where, ties to the lowest index.
struct MaxAbs {
  Tensor value;    ///< (1) f32
  Tensor token;    ///< (1) i32: row of x, b * T + t for x (B, T, C)
  Tensor channel;  ///< (1) i32
};

/// x: (..., C) f32, f16 or bf16. The maximum of every row is top_channels(graph, x, 1).
MaxAbs max_abs(Graph& graph, const Tensor& x);

}  // namespace ablate
