// The 12 bytes in which q4_K and q5_K keep eight scales and eight mins of six bits each.
#pragma once

#include "formats/scales.h"

namespace ablate {

struct KScale {
  int scale, min;
};

/// Those of 32 values: the k-th of the block's eight groups.
inline KScale k_scale(const std::byte* bytes, std::size_t k) {
  const auto byte = [bytes](std::size_t i) { return read_u8(bytes + i); };
  if (k < 4) return {byte(k) & 63, byte(k + 4) & 63};
  return {(byte(k + 4) & 15) + 16 * (byte(k - 4) >> 6), (byte(k + 4) >> 4) + 16 * (byte(k) >> 6)};
}

}  // namespace ablate
