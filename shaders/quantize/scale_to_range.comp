#version 460
#include "quantize/scales.glsl"

// The range from its least to its largest element is spread over all codes. With an offset of 0 at a whole code (ZERO_POINT), 0 belongs to every range unless it is
// taken as it is (AS_IT_IS); else the offset is the least element.
layout(constant_id = 2) const uint ZERO_POINT = 1;
layout(constant_id = 3) const uint AS_IT_IS = 0;

vec2 scale_of(uint group, float least, float most) {
  if (is_empty(least, most)) return vec2(0.0);
  const bool with_zero = ZERO_POINT != 0 && AS_IT_IS == 0;
  const float low = (with_zero && !is_negative(least) ? 0.0 : least) * p.clip, high = (with_zero && is_negative(most) ? 0.0 : most) * p.clip;
  const float range = high - low;
  if (!is_finite(low) || !is_finite(high) || !is_finite(range)) return vec2(NOT_A_NUMBER, 0.0);
  const float scale = nearest_quotient(range, p.largest);
  if (ZERO_POINT == 0) return vec2(scale, low);
  return vec2(scale, is_zero(scale) ? 0.0 : float(-rounded_quotient(low, scale)));
}
