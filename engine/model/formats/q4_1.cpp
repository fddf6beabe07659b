// 32 values: a scale d and a least value m (f16), then 16 bytes as in Q4_0. A value is d q + m, rounded once.
#include "model/formats/format.h"

#include <cmath>

namespace ablate {
namespace {

bool decode(const std::byte* block, float* values) {
  const float d = read_f16(block), m = read_f16(block + 2);
  for (std::size_t j = 0; j < 16; ++j) {
    const int pair = std::to_integer<int>(block[4 + j]);
    values[j] = d * static_cast<float>(pair & 15) + m;
    values[j + 16] = d * static_cast<float>(pair >> 4) + m;
  }
  return std::isfinite(d) && std::isfinite(m);
}

const StorageFormats::Registration registration("Q4_1", {.values = 32, .bytes = 20, .decode = decode});

}  // namespace
}  // namespace ablate
