// 32 values: an exponent e (a byte, biased by 127; 255 is NaN), then 16 bytes as in q4_0, whose numbers are E2M1 floats: 0, 0.5, 1, 1.5, 2, 3, 4, 6, with the
// sign in the fourth bit. A value is 2^e times its number (OCP Microscaling formats 1.0). Scales under which a 6 would be no f32 are refused as NaN is.
#include "formats/scales.h"

namespace ablate {
namespace {

constexpr float numbers[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
constexpr int bias = 127, largest = 252;  // 2^125 * 6 is the last below 2^128

bool sound(const std::byte* block) { return read_u8(block) <= largest; }

void decode(const std::byte* block, float* values) {
  const float scale = std::ldexp(1.0f, read_u8(block) - bias);
  for_nibbles(block + 1, [&](std::size_t i, int q) { values[i] = scale * numbers[q]; });
}

int nearest_number(float x) {
  int best = 0;
  for (int q = 1; q < 16; ++q)
    if (std::abs(numbers[q] - x) < std::abs(numbers[best] - x)) best = q;
  return best;
}

bool encode(const float* values, std::byte* block) {
  const float most = std::abs(signed_extreme(values));
  if (!std::isfinite(most)) return false;
  const int exponent = most == 0 ? 0 : std::clamp(std::ilogb(most) - 2 + bias, 0, largest);
  block[0] = static_cast<std::byte>(exponent);
  const float by = std::ldexp(1.0f, bias - exponent);
  put_nibbles(block + 1, [&](std::size_t i) { return nearest_number(values[i] * by); });
  return true;
}

const StorageFormats::Registration registration("MXFP4", {"mxfp4", 39, 32, 17, sound, decode, encode});

}  // namespace
}  // namespace ablate
