#include "base/dtype.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

using namespace ablate;

namespace {

// The value of 16 bits by the definition of their format: sign, exponent bits, fraction bits.
double value_of(std::uint16_t bits, int exponent_bits, int fraction_bits) {
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1), bias = (1 << (exponent_bits - 1)) - 1;
  const double fraction = std::ldexp(bits & ((1 << fraction_bits) - 1), -fraction_bits);
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : NAN;
  return exponent == 0 ? sign * std::ldexp(fraction, 1 - bias) : sign * std::ldexp(1 + fraction, exponent - bias);
}

struct Format {
  const char* name;
  int exponent_bits, fraction_bits;
  std::uint16_t (*to)(float);
  float (*from)(std::uint16_t);
};
constexpr Format formats[] = {{"f16", 5, 10, to_f16, from_f16}, {"bf16", 8, 7, to_bf16, from_bf16}};

}  // namespace

TEST_CASE("every number of 16 bits is its format's, and comes back as it was") {
  for (const Format& format : formats) {
    CAPTURE(format.name);
    std::size_t wrong = 0;
    for (std::uint32_t i = 0; i < 65536; ++i) {
      const auto bits = static_cast<std::uint16_t>(i);
      const double expected = value_of(bits, format.exponent_bits, format.fraction_bits);
      const float found = format.from(bits);
      if (std::isnan(expected)) wrong += !std::isnan(found) || !std::isnan(format.from(format.to(found)));
      else wrong += static_cast<double>(found) != expected || std::signbit(found) != std::signbit(expected) || format.to(found) != bits;
    }
    CHECK(wrong == 0);
  }
}

// Between every two neighbours: what is below the middle goes down, what is above goes up, the middle to the even one.
TEST_CASE("rounding to 16 bits is to the nearest, ties to even, overflow to infinity") {
  for (const Format& format : formats) {
    CAPTURE(format.name);
    const auto infinity = static_cast<std::uint16_t>(((1 << format.exponent_bits) - 1) << format.fraction_bits);
    std::size_t wrong = 0;
    for (std::uint16_t low = 0; low < infinity; ++low) {
      const auto high = static_cast<std::uint16_t>(low + 1), even = low % 2 == 0 ? low : high;
      // The upper neighbour of the largest number is what the next exponent would hold: from its middle on all is infinity.
      const double below = value_of(low, format.exponent_bits, format.fraction_bits),
                   above = high == infinity
                               ? 2 * below - value_of(static_cast<std::uint16_t>(low - 1), format.exponent_bits, format.fraction_bits)
                               : value_of(high, format.exponent_bits, format.fraction_bits);
      const auto middle = static_cast<float>((below + above) / 2);
      if (static_cast<double>(middle) != (below + above) / 2) continue;  // below f32's own smallest numbers
      for (const std::uint16_t sign : {std::uint16_t{0}, std::uint16_t{0x8000}}) {
        const auto to = [&](float x) { return format.to(sign ? -x : x) ^ sign; };
        wrong += to(middle) != even;
        wrong += to(std::nextafter(middle, 0.0f)) != low;
        wrong += to(std::nextafter(middle, std::numeric_limits<float>::infinity())) != high;
      }
    }
    CHECK(wrong == 0);
    CHECK(format.to(std::numeric_limits<float>::infinity()) == infinity);
    CHECK(std::isnan(format.from(format.to(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(std::isnan(format.from(format.to(std::bit_cast<float>(0x7f800001u)))));  // a NaN whose high bits are those of infinity
  }
}
