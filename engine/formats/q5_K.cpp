// 256 values as in q4_K, with 32 bytes of fifth bits between the scales and q: bit k of byte l belongs to value 32 k + l.
#include "formats/k_scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block), dmin = read_f16(block + 2);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t k = i / 32, l = i % 32;
    const auto [scale, min] = k_scale(block + 4, k);
    const int pair = read_u8(block + 48 + 32 * (k / 2) + l), high = read_u8(block + 16 + l) >> k & 1;
    values[i] = d * static_cast<float>(scale * ((k % 2 ? pair >> 4 : pair & 15) + 16 * high)) - dmin * static_cast<float>(min);
  }
}

const StorageFormats::Registration registration("Q5_K", {"q5_K", 13, 256, 176, sound_scales<0, 2>, decode});

}  // namespace
}  // namespace ablate
