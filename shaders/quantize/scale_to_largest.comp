#version 460
#include "quantize/scales.glsl"

// The largest magnitude gets the largest code.
vec2 scale_of(uint group, float least, float most) {
  const float largest = largest_of(least, most);
  return vec2(is_finite(largest) ? nearest_quotient(largest, p.largest) : NOT_A_NUMBER, 0.0);
}
