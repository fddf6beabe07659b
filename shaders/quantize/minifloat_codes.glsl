// Floats of BITS bits without infinities, magnitudes up to that of the code LARGEST.
#include "quantize/minifloat.glsl"

layout(constant_id = 24) const uint BITS = 4;
layout(constant_id = 25) const uint MANTISSA = 1;
layout(constant_id = 26) const int BIAS = 1;
layout(constant_id = 27) const uint LARGEST = 7;

int code_of(float x, Step scale, float) {
  return int(minifloat_code(x, scale, MANTISSA, BIAS, LARGEST) | uint(is_negative(x)) << (BITS - 1));
}

// What x comes back as, from the driver's quotient; false where that lies too near to a tie.
bool plain_value(float x, Step scale, float, out float y) {
  const float quotient = magnitude(x * scale.inverse);
  const float steps = quotient * power_of_two(BIAS + int(MANTISSA) - 1), whole = nearest_whole(steps);  // of the smallest codes
  const uint dropped = 23 - MANTISSA, half_way = 1u << (dropped - 1), below = (1u << dropped) - 1, bits = floatBitsToUint(quotient);
  const bool small = quotient < power_of_two(1 - BIAS);
  const float value = small ? whole * power_of_two(1 - BIAS - int(MANTISSA)) : uintBitsToFloat((bits + half_way) & ~below);
  y = min(value, minifloat_value(LARGEST, MANTISSA, BIAS)) * scale.size;
  y = is_negative(x) ? -y : y;
  const bool far = small ? is_far_from_tie(steps, whole) : abs(int(bits & below) - int(half_way)) > 8;
  return scale.plain && far && quotient < 262144.0;
}

float value_of(int code, float scale, float) {
  const uint sign = uint(code) >> (BITS - 1);
  const float y = minifloat_value(uint(code) & ((1u << (BITS - 1)) - 1), MANTISSA, BIAS) * scale;
  return sign != 0 ? -y : y;
}
