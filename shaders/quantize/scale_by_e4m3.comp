#version 460
#include "quantize/scales.glsl"

// A float for the whole that brings its largest block's scale to E4M3's largest, 448, and an E4M3 for each block that brings its largest magnitude to the largest code.
vec2 scale_of(uint group, float least, float most) {
  const uint w = group / p.per_whole;
  const float largest = largest_of(least, most, p.clip), of_whole = largest_of(p.whole.at[2 * w], p.whole.at[2 * w + 1], p.clip);
  if (!is_finite(largest) || !is_finite(of_whole)) return vec2(NOT_A_NUMBER, 0.0);
  const float whole = nearest_quotient(of_whole, 448.0 * p.largest);
  if (is_zero(whole)) return vec2(0.0);
  return vec2(minifloat_value(minifloat_code(nearest_quotient(largest, p.largest), step_of(whole), 3, 7, 0x7eu), 3, 7) * whole, 0.0);
}
