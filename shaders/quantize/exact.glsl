// Quotients of floats in whole numbers. A driver's division may be 2.5 units in the last place off, and its arithmetic may take subnormal numbers for zero: then
// a tie would be none, and a code another one than the definition says.
#ifndef ABLATE_EXACT_GLSL
#define ABLATE_EXACT_GLSL
#include "common/reduce.glsl"

struct Number { uint mantissa; int exponent; };  // |x| = mantissa * 2^exponent with 2^23 <= mantissa < 2^24, or mantissa 0; infinity is larger than all else

Number number_of(float x) {
  const uint bits = floatBitsToUint(x) & 0x7fffffffu, low = bits & 0x7fffffu;
  if (bits >= 0x7f800000u) return Number(0x800000u, 1000);
  if (bits >= 0x800000u) return Number(low | 0x800000u, int(bits >> 23) - 150);
  if (low == 0) return Number(0u, 0);
  const int shift = 23 - findMSB(low);
  return Number(low << shift, -149 - shift);
}

bool is_zero(float x) { return (floatBitsToUint(x) << 1) == 0u; }
bool is_finite(float x) { return (floatBitsToUint(x) & 0x7fffffffu) < 0x7f800000u; }
bool is_negative(float x) { return (floatBitsToUint(x) >> 31) != 0; }
// |x| and its like by their bits, subnormal numbers included.
float magnitude(float x) { return uintBitsToFloat(floatBitsToUint(x) & 0x7fffffffu); }
float larger_magnitude(float x, float y) { return uintBitsToFloat(max(floatBitsToUint(x) & 0x7fffffffu, floatBitsToUint(y) & 0x7fffffffu)); }

// A digit of a long division.
void divide_on(uint divisor, inout uint quotient, inout uint remainder) {
  remainder <<= 1;
  const uint digit = uint(remainder >= divisor);
  remainder -= digit * divisor;
  quotient = quotient << 1 | digit;
}

// floor(|a| / |b| * 2^shift), or 2^30 where it is at least that; rest: whether the quotient is larger. b: finite, not 0.
uint floor_quotient(float a, float b, int shift, out bool rest) {
  const Number n = number_of(a), d = number_of(b);
  const int digits = n.exponent - d.exponent + shift;
  rest = n.mantissa != 0;
  if (n.mantissa == 0 || digits < 0) return 0;
  if (digits > 29) return 1u << 30;
  uint quotient = uint(n.mantissa >= d.mantissa), remainder = n.mantissa - quotient * d.mantissa;
  for (int i = 0; i < digits; ++i) divide_on(d.mantissa, quotient, remainder);
  rest = remainder != 0;
  return quotient;
}

// x / 2^dropped to the nearest whole number, halves to the even one, where x (and a rest, if there is one) is not negative. 0 < dropped < 32.
uint rounded(uint x, uint dropped, bool rest) {
  const uint whole = x >> dropped, below = x & ((1u << dropped) - 1), half_way = 1u << (dropped - 1);
  const bool up = below > half_way || (below == half_way && (rest || (whole & 1u) != 0));
  return whole + uint(up);
}

// A driver's own quotient, a product with an inverse, is at most a part in 2^20 off where b is near neither what counts as zero nor infinity, and so tells how to round unless it lies that
// near to a tie; then, and elsewhere, long division does.
// What many numbers are divided by: a driver's quotient is a product with the inverse, which all of them share.
struct Step {
  float size, inverse;
  bool plain;  // whether that product tells anything
};
Step step_of(float b) { return Step(b, 1.0 / b, magnitude(b) > 1e-30 && magnitude(b) < 1e30); }
bool is_far_from_tie(float x, float whole) { return abs(x) < 262144.0 && abs(abs(x - whole) - 0.5) > abs(x) * 9.5367431640625e-7; }

// x to the nearest whole number, halves to the even one, where |x| < 2^22: the sum has no room for a fraction. A driver's roundEven() is a slow conversion.
float nearest_whole(float x) {
  precise const float shifted = x + 12582912.0;
  precise const float whole = shifted - 12582912.0;
  return whole;
}

// a / b to the nearest whole number, halves to the even one, within +-2^29.
int rounded_quotient(float a, Step b) {
  const float plain = a * b.inverse, nearest = roundEven(plain);
  if (b.plain && is_far_from_tie(plain, nearest)) return int(nearest);
  bool rest;
  const uint halves = floor_quotient(a, b.size, 1, rest);
  const int whole = int(rounded(halves, 1, rest));
  return is_negative(a) ? -whole : whole;
}

// floor(a * 2^24 / b), where b <= a < 2 b < 2^25, and what remains. A driver's quotient is 2.5 units in the last place off at most, 7 of the result's with the other
// roundings; the remainder, which is small, is exact in the low 32 bits.
uint whole_quotient(uint a, uint b, out uint remainder) {
  uint quotient = uint(float(a) / float(b) * 16777216.0);
  int rest = int((a << 24) - quotient * b);
  for (int i = 0; i < 8 && rest < 0; ++i) --quotient, rest += int(b);
  for (int i = 0; i < 8 && rest >= int(b); ++i) ++quotient, rest -= int(b);
  remainder = uint(rest);
  return quotient;
}

// |a| / |b| to the nearest float, halves to the even one. a: finite; b: finite, not 0.
float nearest_quotient(float a, float b) {
  const Number n = number_of(a), d = number_of(b);
  if (n.mantissa == 0) return 0.0;
  const bool short_of = n.mantissa < d.mantissa;
  const int exponent = n.exponent - d.exponent - int(short_of);
  const uint numerator = short_of ? n.mantissa << 1 : n.mantissa;  // 2^24 <= quotient < 2^25, times 2^(exponent - 24)
  uint remainder;
  const uint quotient = whole_quotient(numerator, d.mantissa, remainder);
  const int below_normal = max(0, -126 - exponent);
  if (below_normal > 24) return 0.0;
  const uint mantissa = rounded(quotient, 1 + uint(below_normal), remainder != 0);
  const uint bits = below_normal > 0 ? mantissa : (uint(exponent + 126) << 23) + mantissa;  // the leading digit adds one to the exponent
  return uintBitsToFloat(exponent > 127 ? 0x7f800000u : min(bits, 0x7f800000u));
}
#endif
