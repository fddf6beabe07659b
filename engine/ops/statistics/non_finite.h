#pragma once

#include "ops/op.h"

#include <optional>
#include <span>

namespace ablate {

/// Adds to `found` how many entries of x are infinite or NaN, and where the first of them is. x: (..., C) f32, f16 or bf16; found: (2) i32 from
/// counters().
void count_non_finite(Graph& graph, const Tensor& x, const Tensor& found);

/// What `found` says when the graph has run.
struct NonFinite {
  std::uint32_t count = 0;  ///< entries
  std::uint32_t row = 0;    ///< the first that has any
  bool nan = false;         ///< whether that row has a NaN; else an infinity

  static NonFinite of(std::span<const std::int32_t> found);
};

}  // namespace ablate
