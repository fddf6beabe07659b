// 32 values: a scale d (f16), then 32 signed bytes q. A value is d q, which f32 holds exactly.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block);
  for (std::size_t i = 0; i < 32; ++i) values[i] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
}

bool encode(const float* values, std::byte* block) {
  const float d = std::abs(signed_extreme(values)) / 127, by = inverse(d);
  const bool sound = std::isfinite(write_f16(block, d));
  for (std::size_t i = 0; sound && i < 32; ++i)
    block[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(std::clamp(std::round(values[i] * by), -127.0f, 127.0f)));
  return sound;
}

const StorageFormats::Registration registration("Q8_0", {"q8_0", 8, 32, 34, sound_scales<0>, decode, encode});

}  // namespace
}  // namespace ablate
