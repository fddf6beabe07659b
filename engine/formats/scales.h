// What the formats' files share: numbers within a block.
#pragma once

#include "base/storage_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>

namespace ablate {

inline std::uint16_t read_u16(const std::byte* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}
inline std::uint32_t read_u32(const std::byte* bytes) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}
/// The f16 at `bytes`.
inline float read_f16(const std::byte* bytes) { return from_f16(read_u16(bytes)); }
/// Puts an f16 there and returns the number that it is.
inline float write_f16(std::byte* bytes, float value) {
  const std::uint16_t bits = to_f16(value);
  std::memcpy(bytes, &bits, sizeof bits);
  return from_f16(bits);
}
inline int read_u8(const std::byte* bytes) { return std::to_integer<int>(*bytes); }

/// Whether the f16 at each of these bytes of a block is finite: no NaN, no infinity.
template <std::size_t... at>
bool sound_scales(const std::byte* block) {
  return (((read_u16(block + at) & 0x7c00u) != 0x7c00u) && ...);
}

/// Calls put(value, nibble) with the 32 four-bit numbers of 16 bytes, of which byte j holds number j below and number j + 16 above.
template <class Put>
void for_nibbles(const std::byte* bytes, const Put& put) {
  for (std::size_t j = 0; j < 16; ++j) {
    put(j, read_u8(bytes + j) & 15);
    put(j + 16, read_u8(bytes + j) >> 4);
  }
}

/// The same bytes of what number(j) is, 0 to 15, for each of the 32.
template <class Number>
void put_nibbles(std::byte* bytes, const Number& number) {
  for (std::size_t j = 0; j < 16; ++j) bytes[j] = static_cast<std::byte>(number(j) | number(j + 16) << 4);
}

/// x to the nearest whole number from 0 to `most`.
inline int nearest(float x, int most) { return static_cast<int>(std::clamp(std::floor(x + 0.5f), 0.0f, static_cast<float>(most))); }

/// Of 32 values the one of the largest magnitude, with its sign, the first of several; NaN where one is NaN.
inline float signed_extreme(const float* values) {
  float most = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    if (std::isnan(values[i])) return values[i];
    if (std::abs(values[i]) > std::abs(most)) most = values[i];
  }
  return most;
}

/// The least and the largest of 32 values; NaN where one is NaN.
inline std::array<float, 2> range_of(const float* values) {
  std::array<float, 2> range{values[0], values[0]};
  for (std::size_t i = 0; i < 32; ++i) {
    if (std::isnan(values[i])) return {values[i], values[i]};
    range = {std::min(range[0], values[i]), std::max(range[1], values[i])};
  }
  return range;
}

/// 1 / d, or 0 where that is too large for f32; no f16 but 0 is that small.
inline float inverse(float d) { return std::isnormal(d) ? 1 / d : 0; }

}  // namespace ablate
