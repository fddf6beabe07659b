// 32 values: a scale d and a least value m (f16), then 16 bytes as in q4_0. A value is d q + m, rounded once.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block), m = read_f16(block + 2);
  for_nibbles(block + 4, [&](std::size_t i, int q) { values[i] = d * static_cast<float>(q) + m; });
}

bool encode(const float* values, std::byte* block) {
  const auto [least, most] = range_of(values);
  const float d = (most - least) / 15, by = inverse(d);
  const bool scale = std::isfinite(write_f16(block, d)), sound = std::isfinite(write_f16(block + 2, least)) && scale;
  if (sound) put_nibbles(block + 4, [&, least = least](std::size_t i) { return nearest((values[i] - least) * by, 15); });
  return sound;
}

const StorageFormats::Registration registration("Q4_1", {"q4_1", 3, 32, 20, sound_scales<0, 2>, decode, encode});

}  // namespace
}  // namespace ablate
