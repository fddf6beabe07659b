// 32 values: a scale d (f16), 32 bits h, then 16 bytes as in q4_0; bit i of h is the fifth bit of value i. A value is d (q - 16), which f32 holds exactly.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block);
  const std::uint32_t high = read_u32(block + 2);
  for_nibbles(block + 6, [&](std::size_t i, int q) { values[i] = d * static_cast<float>(q + (high >> i & 1 ? 0 : -16)); });
}

bool encode(const float* values, std::byte* block) {
  const float d = signed_extreme(values) / -16, by = inverse(d);
  if (!std::isfinite(write_f16(block, d))) return false;
  std::array<int, 32> q{};
  std::uint32_t high = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    q[i] = nearest(values[i] * by + 16, 31);
    high |= static_cast<std::uint32_t>(q[i] >> 4) << i;
  }
  std::memcpy(block + 2, &high, sizeof high);
  put_nibbles(block + 6, [&](std::size_t i) { return q[i] & 15; });
  return true;
}

const StorageFormats::Registration registration("Q5_0", {"q5_0", 6, 32, 22, sound_scales<0>, decode, encode});

}  // namespace
}  // namespace ablate
