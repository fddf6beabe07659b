// The criterion of Sun et al. 2024. Magnitudes are compared as bit patterns, so that NaN counts as larger than infinity. The threshold must not be below 0:
// zeros fill groups that are not there.
#ifndef ABLATE_MASSIVE_GLSL
#define ABLATE_MASSIVE_GLSL
#include "common/reduce.glsl"
#include "common/span.glsl"

bool is_massive(float x, float threshold, float least) {
  const uint magnitude = floatBitsToUint(x) & 0x7fffffffu;
  return magnitude > floatBitsToUint(threshold) && magnitude >= floatBitsToUint(least);
}
#endif
