// One range per channel: of activations over a sequence's tokens, or over group_size of them at a time; of a weight over the inputs of an output channel.
#include "ops/quantization/granularity.h"

namespace ablate {

static const Granularities::Registration registration(
    "channel",
    {.activations =
         [](std::uint32_t rows, std::uint32_t columns, const Quantization& q) {
           return Grouping{.along = rows, .inner = columns, .run = q.group_size > 0 ? q.group_size : rows};
         },
     .weights = [](std::uint32_t, std::uint32_t columns, const Quantization&) { return Grouping{.along = columns, .run = columns}; },
     .static_ranges = [](std::uint32_t channels) { return channels; },
     .has_group_size = true});

}  // namespace ablate
