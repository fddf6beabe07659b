// Whole numbers from LOWEST to HIGHEST. The offset is a code that stands for 0, or, with MINIMUM, the number that code 0 stands for.
#include "quantize/exact.glsl"

layout(constant_id = 24) const int LOWEST = -128;
layout(constant_id = 25) const int HIGHEST = 127;
layout(constant_id = 26) const uint MINIMUM = 0;

int code_of(float x, Step scale, float offset) {
  if (MINIMUM != 0) return clamp(rounded_quotient(x - offset, scale), LOWEST, HIGHEST);
  return clamp(rounded_quotient(x, scale) + int(offset), LOWEST, HIGHEST);
}

// What x comes back as, from the driver's quotient; false where that lies too near to a tie, or the numbers are too large to be whole ones.
bool plain_value(float x, Step scale, float offset, out float y) {
  const float quotient = (MINIMUM != 0 ? x - offset : x) * scale.inverse, whole = nearest_whole(quotient);
  if (MINIMUM != 0) {
    precise const float steps = scale.size * clamp(whole, float(LOWEST), float(HIGHEST));
    precise const float sum = steps + offset;
    y = sum;
  } else {
    y = scale.size * (clamp(whole + offset, float(LOWEST), float(HIGHEST)) - offset);
  }
  return scale.plain && is_far_from_tie(quotient, whole) && (MINIMUM != 0 || abs(offset) < 4194304.0);
}

float value_of(int code, float scale, float offset) {
  if (MINIMUM == 0) return scale * float(code - int(offset));
  precise const float steps = scale * float(code);
  precise const float sum = steps + offset;
  return sum;
}
