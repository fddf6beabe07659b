#version 460
#include "user/norm_backward.glsl"
#include "user/functions/norm_backward.glsl"

// Gradients of a norm of the user's, one workgroup per chunk of rows. An invocation meets the same channels in every row, so that it alone touches its part
// of the chunk's partial gradients.
layout(constant_id = 2) const uint PER_CHANNEL = 0;  // bit n: parameter n has a value for every channel

#define START(n)                                                                                                \
  scalar_[n] = 0.0;                                                                                             \
  if ((PER_CHANNEL >> n & 1u) != 0) for_channels(i) p.partial##n.at[chunk_ * p.dim + i] = 0.0;
#define FINISH(n)                                                                                               \
  if ((PER_CHANNEL >> n & 1u) == 0 && !is_null(p.partial##n)) {                                                 \
    const float sum = workgroup_sum(scalar_[n]);                                                                \
    if (lane() == 0) p.partial##n.at[chunk_] = sum;                                                             \
  }

void main() {
  const uint per_chunk = (p.rows + p.chunks - 1) / p.chunks;
  for (chunk_ = first_row(); chunk_ < p.chunks; chunk_ += row_stride()) {
    START(0) START(1) START(2) START(3)
    for (row_ = chunk_ * per_chunk; row_ < min((chunk_ + 1) * per_chunk, p.rows); ++row_) backward();
    FINISH(0) FINISH(1) FINISH(2) FINISH(3)
  }
}
