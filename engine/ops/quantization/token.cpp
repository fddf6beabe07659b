// One range per token.
#include "ops/quantization/granularity.h"

namespace ablate {

static const Granularities::Registration registration("token", {.activations =
                                                                    [](std::uint32_t, std::uint32_t columns, const Quantization&) {
                                                                      return Grouping{.along = columns, .run = columns};
                                                                    },
                                                                .weights = {}});

}  // namespace ablate
