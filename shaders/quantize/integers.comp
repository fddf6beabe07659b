#version 460
#include "quantize/codes.glsl"

// Whole numbers from LOWEST to HIGHEST. The offset is a code that stands for 0, or, with MINIMUM, the number that code 0 stands for.
layout(constant_id = 3) const int LOWEST = -128;
layout(constant_id = 4) const int HIGHEST = 127;
layout(constant_id = 5) const uint MINIMUM = 0;

int code_of(float x, float scale, float offset) {
  if (MINIMUM != 0) return clamp(rounded_quotient(x - offset, scale), LOWEST, HIGHEST);
  return clamp(rounded_quotient(x, scale) + int(offset), LOWEST, HIGHEST);
}

float value_of(int code, float scale, float offset) {
  if (MINIMUM == 0) return scale * float(code - int(offset));
  precise const float steps = scale * float(code);
  precise const float sum = steps + offset;
  return sum;
}
