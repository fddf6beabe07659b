#version 460
#include "quantize/scales.glsl"

// The power of two that brings the largest magnitude to the top binade of the codes, 2^EMAX (OCP Microscaling Formats 1.0, section 6.3), as 8 bits hold it: 2^-127 to 2^127.
layout(constant_id = 2) const uint EMAX = 2;

vec2 scale_of(uint group, float least, float most) {
  const float largest = largest_of(least, most);
  if (!is_finite(largest)) return vec2(NOT_A_NUMBER, 0.0);
  if (is_zero(largest)) return vec2(0.0);
  const int power = clamp(number_of(largest).exponent + 23 - int(EMAX), -127, 127);
  return vec2(power == -127 ? uintBitsToFloat(0x400000u) : power_of_two(power), 0.0);
}
