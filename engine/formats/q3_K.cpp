// 256 values: 32 bytes of third bits, 64 bytes q, 12 bytes of scales, then d (f16). The low two bits of value 128 n + 32 j + l are bits 2 j and 2 j + 1 of byte 32 n + l of q; 4 is taken off where bit
// 4 n + j of byte l of the first 32 is 0. Of each 16 values the scale s has six bits, biased by 32: four in a half of bytes 0 to 7, two in bytes 8 to 11. A value is d s q, which f32 holds exactly.
#include "formats/scales.h"

namespace ablate {
namespace {

int scale(const std::byte* bytes, std::size_t i) {
  const int low = i < 8 ? read_u8(bytes + i) & 15 : read_u8(bytes + i - 8) >> 4;
  return low + 16 * (read_u8(bytes + 8 + i % 4) >> 2 * (i / 4) & 3) - 32;
}

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block + 108);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t n = i / 128, j = i / 32 % 4, l = i % 32;
    const int q = (read_u8(block + 32 + 32 * n + l) >> 2 * j & 3) - (read_u8(block + l) >> (4 * n + j) & 1 ? 0 : 4);
    values[i] = d * static_cast<float>(scale(block + 96, i / 16) * q);
  }
}

const StorageFormats::Registration registration("Q3_K", {"q3_K", 11, 256, 110, sound_scales<108>, decode});

}  // namespace
}  // namespace ablate
