// 32 values: a scale d (f16), then 16 bytes, of which byte j holds value j below and value j + 16 above. A value is d (q - 8), which f32 holds exactly.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block);
  for_nibbles(block + 2, [&](std::size_t i, int q) { values[i] = d * static_cast<float>(q - 8); });
}

bool encode(const float* values, std::byte* block) {
  const float d = signed_extreme(values) / -8, by = inverse(d);
  const bool sound = std::isfinite(write_f16(block, d));
  if (sound) put_nibbles(block + 2, [&](std::size_t i) { return nearest(values[i] * by + 8, 15); });
  return sound;
}

const StorageFormats::Registration registration("Q4_0", {"q4_0", 2, 32, 18, sound_scales<0>, decode, encode});

}  // namespace
}  // namespace ablate
