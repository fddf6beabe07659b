// 32 values: a scale d and a least value m (f16), 32 bits h, then 16 bytes as in q5_0. A value is d q + m, rounded once.
#include "formats/scales.h"

namespace ablate {
namespace {

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block), m = read_f16(block + 2);
  const std::uint32_t high = read_u32(block + 4);
  for_nibbles(block + 8, [&](std::size_t i, int q) { values[i] = d * static_cast<float>(q + (high >> i & 1 ? 16 : 0)) + m; });
}

bool encode(const float* values, std::byte* block) {
  const auto [least, most] = range_of(values);
  const float d = (most - least) / 31, by = inverse(d);
  const bool scale = std::isfinite(write_f16(block, d));
  if (!std::isfinite(write_f16(block + 2, least)) || !scale) return false;
  std::array<int, 32> q{};
  std::uint32_t high = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    q[i] = nearest((values[i] - least) * by, 31);
    high |= static_cast<std::uint32_t>(q[i] >> 4) << i;
  }
  std::memcpy(block + 4, &high, sizeof high);
  put_nibbles(block + 8, [&](std::size_t i) { return q[i] & 15; });
  return true;
}

const StorageFormats::Registration registration("Q5_1", {"q5_1", 7, 32, 24, sound_scales<0, 2>, decode, encode});

}  // namespace
}  // namespace ablate
