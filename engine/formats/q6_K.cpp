// 256 values: 128 bytes of low halves, 64 bytes of two high bits each, 16 signed bytes of scales s, then d (f16). Value 128 n + 32 g + l has its low four bits in a half of byte 64 n + 32 (g % 2) + l, the
// low half for g < 2, and its high two in bits 2 g and 2 g + 1 of byte 32 n + l. A value is d s (q - 32), which f32 holds exactly.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block + 208);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t n = i / 128, g = i / 32 % 4, l = i % 32;
    const int pair = read_u8(block + 64 * n + 32 * (g % 2) + l), high = read_u8(block + 128 + 32 * n + l) >> 2 * g & 3;
    const int q = (g < 2 ? pair & 15 : pair >> 4) + 16 * high - 32;
    values[i] = d * static_cast<float>(static_cast<std::int8_t>(block[192 + i / 16]) * q);
  }
}

const StorageFormats::Registration registration("Q6_K", {"q6_K", 14, 256, 210, sound_scales<208>, decode});

}  // namespace
}  // namespace ablate
