// Floats of a few bits without infinities: a sign, an exponent and a mantissa, with subnormal numbers. A code's magnitude is exponent * 2^mantissa_bits + mantissa.
#ifndef ABLATE_MINIFLOAT_GLSL
#define ABLATE_MINIFLOAT_GLSL
#include "quantize/exact.glsl"

float power_of_two(int power) { return uintBitsToFloat(uint(power + 127) << 23); }

// The code of a quotient x >= 0 that the driver computed; false where it lies too near to a tie to tell.
bool plain_code(float x, uint mantissa_bits, int bias, out uint code) {
  if (x < power_of_two(1 - bias)) {  // subnormal: whole steps
    const float steps = x * power_of_two(bias + int(mantissa_bits) - 1), whole = roundEven(steps);
    code = uint(whole);
    return is_far_from_tie(steps, whole);
  }
  const uint dropped = 23 - mantissa_bits, half_way = 1u << (dropped - 1), bits = floatBitsToUint(x);
  code = ((bits + half_way) >> dropped) - (uint(127 - bias) << mantissa_bits);
  // As is_far_from_tie: a part in 2^20 is 8 in the last place.
  return x < 262144.0 && abs(int(bits & ((1u << dropped) - 1)) - int(half_way)) > 8;
}

// The code of |a| / |b|: the nearest there is, halves to the even one, what is too large to the largest. b: finite, not 0.
uint minifloat_code(float a, Step b, uint mantissa_bits, int bias, uint largest) {
  uint code;
  if (b.plain && plain_code(magnitude(a * b.inverse), mantissa_bits, bias, code)) return min(code, largest);
  bool rest;
  const uint halves = floor_quotient(a, b.size, bias + int(mantissa_bits), rest);  // of the smallest step
  const int top = findMSB(halves);
  if (top <= int(mantissa_bits)) return rounded(halves, 1, rest);  // the step of subnormal numbers
  const uint dropped = uint(top) - mantissa_bits;
  const uint mantissa = rounded(halves, dropped, rest);  // 2^mantissa_bits or more; twice that runs into the exponent
  return min((dropped << mantissa_bits) + mantissa - (1u << mantissa_bits), largest);
}

float minifloat_value(uint code, uint mantissa_bits, int bias) {
  const uint exponent = code >> mantissa_bits, mantissa = code & ((1u << mantissa_bits) - 1);
  const uint whole = exponent == 0 ? mantissa : mantissa + (1u << mantissa_bits);
  const int power = int(max(exponent, 1u)) - bias - int(mantissa_bits);
  return float(whole) * power_of_two(power);
}
#endif
