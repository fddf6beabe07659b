// 256 values in eight groups of 32: d and dmin (f16), 12 bytes of scales s and mins m (k_scales.h), then 128 bytes q: value 32 k + l is a half of byte 32 (k / 2) + l, the low one for
// even k. A value is d s q - dmin m, rounded once.
#include "formats/k_scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block), dmin = read_f16(block + 2);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t k = i / 32;
    const auto [scale, min] = k_scale(block + 4, k);
    const int pair = read_u8(block + 16 + 32 * (k / 2) + i % 32), q = k % 2 ? pair >> 4 : pair & 15;
    values[i] = d * static_cast<float>(scale * q) - dmin * static_cast<float>(min);
  }
}

const StorageFormats::Registration registration("Q4_K", {"q4_K", 12, 256, 144, sound_scales<0, 2>, decode});

}  // namespace
}  // namespace ablate
