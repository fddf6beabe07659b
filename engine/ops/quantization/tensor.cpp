// One range for a sequence's tensor, or for a matrix.
#include "ops/quantization/granularity.h"

namespace ablate {

static Grouping all_rows(std::uint32_t rows, std::uint32_t columns, const Quantization&) {
  return {.along = columns, .run = columns, .joined = rows};
}

static const Granularities::Registration registration("tensor", {.activations = all_rows,
                                                                 .weights = all_rows,
                                                                 .static_ranges = [](std::uint32_t) { return 1u; }});

}  // namespace ablate
