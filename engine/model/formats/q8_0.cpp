// 32 values: a scale d (f16), then 32 signed bytes q. A value is d q, which f32 holds exactly.
#include "model/formats/format.h"

#include <cmath>

namespace ablate {
namespace {

bool decode(const std::byte* block, float* values) {
  const float d = read_f16(block);
  for (std::size_t i = 0; i < 32; ++i) values[i] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
  return std::isfinite(d);
}

const StorageFormats::Registration registration("Q8_0", {.values = 32, .bytes = 34, .decode = decode});

}  // namespace
}  // namespace ablate
