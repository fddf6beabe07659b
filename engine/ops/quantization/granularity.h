// Granularities by name: which elements of a tensor share a range. Each registers itself in its own file of this folder.
#pragma once

#include "ops/quantize.h"

#include <functional>

namespace ablate {

/// A tensor seen as (outer, along, inner): up to `run` elements that follow each other along `along` are a run, and `joined` runs share a range
/// (shaders/quantize/groups.glsl). A sequence, or a matrix, has whole groups.
struct Grouping {
  std::uint32_t along = 1, inner = 1, run = 1, joined = 1;
};

struct Granularity {
  /// (T, C) of a sequence, or (out, in) of a weight; empty where it makes no sense.
  std::function<Grouping(std::uint32_t rows, std::uint32_t columns, const Quantization&q)> activations, weights;
  /// How many static ranges there are for C channels; empty where ranges cannot be known beforehand.
  std::function<std::uint32_t(std::uint32_t channels)> static_ranges{};
  bool has_group_size = false;    ///< it can be cut into groups of group_size
  bool needs_group_size = false;  ///< it must be
  bool plain_zero_point = false;  ///< the range with a zero point need not hold 0
};
using Granularities = Registry<Granularity>;

inline const Granularity& granularity_of(const Quantization& q) { return Granularities::find("granularity", q.granularity); }

}  // namespace ablate
