// How the scale of a group follows from its range alone. A group without elements, or of zeros, has the scale 0; where something is not finite it is NaN.
#ifndef ABLATE_QUANTIZE_SCALE_RULE_GLSL
#define ABLATE_QUANTIZE_SCALE_RULE_GLSL
#include "quantize/minifloat.glsl"

// RULE_LARGEST: the largest magnitude gets the largest code. RULE_RANGE: the range from its least to its largest element is spread over all codes; with an
// offset of 0 at a whole code (ZERO_POINT), 0 belongs to every range unless it is taken as it is (AS_IT_IS); else the offset is the least element.
// RULE_POWER: the power of two that brings the largest magnitude to the top binade of the codes, 2^EMAX (OCP Microscaling Formats 1.0, section 6.3), as 8 bits
// hold it: 2^-127 to 2^127.
#define RULE_LARGEST 0u
#define RULE_RANGE 1u
#define RULE_POWER 2u
layout(constant_id = 20) const uint RULE = RULE_LARGEST;
layout(constant_id = 21) const uint ZERO_POINT = 1;
layout(constant_id = 22) const uint AS_IT_IS = 0;
layout(constant_id = 23) const uint EMAX = 2;

#define NOT_A_NUMBER uintBitsToFloat(0x7fc00000u)
bool is_empty(float least, float most) { return floatBitsToUint(least) == 0x7f800000u && floatBitsToUint(most) == 0xff800000u; }

// The largest magnitude of a range, clipped; 0 of one without elements.
float largest_of(float least, float most, float clip) {
  return is_empty(least, most) ? 0.0 : clip == 1.0 ? larger_magnitude(least, most) : larger_magnitude(least, most) * clip;
}

vec2 range_scale(float least, float most, float largest_code, float clip) {
  if (is_empty(least, most)) return vec2(0.0);
  const bool with_zero = ZERO_POINT != 0 && AS_IT_IS == 0;
  const float low = (with_zero && !is_negative(least) ? 0.0 : least) * clip, high = (with_zero && is_negative(most) ? 0.0 : most) * clip;
  const float range = high - low;
  if (!is_finite(low) || !is_finite(high) || !is_finite(range)) return vec2(NOT_A_NUMBER, 0.0);
  const float scale = nearest_quotient(range, largest_code);
  if (ZERO_POINT == 0) return vec2(scale, low);
  return vec2(scale, is_zero(scale) ? 0.0 : float(-rounded_quotient(low, step_of(scale))));
}

float power_scale(float largest) {
  if (is_zero(largest)) return 0.0;
  const int power = clamp(number_of(largest).exponent + 23 - int(EMAX), -127, 127);
  return power == -127 ? uintBitsToFloat(0x400000u) : power_of_two(power);
}

// (scale, offset)
vec2 scale_by_rule(float least, float most, float largest_code, float clip) {
  if (RULE == RULE_RANGE) return range_scale(least, most, largest_code, clip);
  const float largest = largest_of(least, most, clip);
  if (!is_finite(largest)) return vec2(NOT_A_NUMBER, 0.0);
  return vec2(RULE == RULE_POWER ? power_scale(largest) : nearest_quotient(largest, largest_code), 0.0);
}
#endif
