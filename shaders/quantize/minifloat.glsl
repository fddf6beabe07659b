// Floats of a few bits without infinities: a sign, an exponent and a mantissa, with subnormal numbers. A code's magnitude is exponent * 2^mantissa_bits + mantissa.
#ifndef ABLATE_MINIFLOAT_GLSL
#define ABLATE_MINIFLOAT_GLSL
#include "quantize/exact.glsl"

// The code of |a| / |b|: the nearest there is, halves to the even one, what is too large to the largest. b: finite, not 0.
uint minifloat_code(float a, float b, uint mantissa_bits, int bias, uint largest) {
  bool rest;
  const uint halves = floor_quotient(a, b, bias + int(mantissa_bits), rest);  // of the smallest step
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
  return float(whole) * uintBitsToFloat(uint(power + 127) << 23);
}
#endif
