#version 460
#include "quantize/codes.glsl"

// Floats of BITS bits without infinities, magnitudes up to that of the code LARGEST.
layout(constant_id = 3) const uint BITS = 4;
layout(constant_id = 4) const uint MANTISSA = 1;
layout(constant_id = 5) const int BIAS = 1;
layout(constant_id = 6) const uint LARGEST = 7;

int code_of(float x, float scale, float) {
  return int(minifloat_code(x, scale, MANTISSA, BIAS, LARGEST) | uint(is_negative(x)) << (BITS - 1));
}

float value_of(int code, float scale, float) {
  const uint sign = uint(code) >> (BITS - 1);
  const float y = minifloat_value(uint(code) & ((1u << (BITS - 1)) - 1), MANTISSA, BIAS) * scale;
  return sign != 0 ? -y : y;
}
