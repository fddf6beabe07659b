#pragma once

#include "ops/op.h"

namespace ablate {

/// The largest |x| of every row, largest first, ties to the lowest channel. Entries past the row's length are 0 with channel -1.
struct TopChannels {
  Tensor values;    ///< (rows, k) f32, magnitudes
  Tensor channels;  ///< (rows, k) i32
};

/// x: (..., C) f32, f16 or bf16; k: 1 to 8. One read of x. NaN counts as larger than infinity.
TopChannels top_channels(Graph& graph, const Tensor& x, std::uint32_t k);

}  // namespace ablate
