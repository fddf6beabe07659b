// 256 values: 16 bytes of scales and mins, 64 bytes q, then d and dmin (f16). Value 128 n + 32 j + l is bits 2 j and 2 j + 1 of byte 32 n + l of q; of each 16 values the low half of a scale
// byte is the scale s and the high half the min m. A value is d s q - dmin m, rounded once.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block + 80), dmin = read_f16(block + 82);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t n = i / 128, j = i / 32 % 4, l = i % 32;
    const int scale = read_u8(block + i / 16), q = read_u8(block + 16 + 32 * n + l) >> 2 * j & 3;
    values[i] = d * static_cast<float>((scale & 15) * q) - dmin * static_cast<float>(scale >> 4);
  }
}

const StorageFormats::Registration registration("Q2_K", {"q2_K", 10, 256, 84, sound_scales<80, 82>, decode});

}  // namespace
}  // namespace ablate
