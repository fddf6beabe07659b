// 32 values: a scale d (f16), then 16 bytes, of which byte j holds value j below and value j + 16 above. A value is d (q - 8).
#include "model/formats/format.h"

#include <cmath>

namespace ablate {
namespace {

bool decode(const std::byte* block, float* values) {
  const float d = read_f16(block);
  for (std::size_t j = 0; j < 16; ++j) {
    const int pair = std::to_integer<int>(block[2 + j]);
    values[j] = d * static_cast<float>((pair & 15) - 8);
    values[j + 16] = d * static_cast<float>((pair >> 4) - 8);
  }
  return std::isfinite(d);
}

const StorageFormats::Registration registration("Q4_0", {.values = 32, .bytes = 18, .decode = decode});

}  // namespace
}  // namespace ablate
