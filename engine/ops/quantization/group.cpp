// One range per group_size neighbours of a token's channels, or of an output channel's inputs; the last group may be smaller.
#include "ops/quantization/granularity.h"

namespace ablate {

static Grouping along_rows(std::uint32_t, std::uint32_t columns, const Quantization& q) { return {.along = columns, .run = q.group_size}; }

static const Granularities::Registration registration(
    "group",
    {.activations = along_rows, .weights = along_rows, .has_group_size = true, .needs_group_size = true, .plain_zero_point = true});

}  // namespace ablate
