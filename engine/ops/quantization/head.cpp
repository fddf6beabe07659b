// One range per token and head: a group of head_dim neighbours.
#include "ops/quantization/granularity.h"

namespace ablate {

static Grouping a_head_each(std::uint32_t, std::uint32_t columns, const Quantization& q) {
  require(q.heads > 0 && columns % q.heads == 0, "granularity \"head\": {} channels are no heads", columns);
  return {.along = columns, .run = columns / q.heads};
}

static const Granularities::Registration registration("head", {.activations = a_head_each, .weights = {}, .plain_zero_point = true});

}  // namespace ablate
