// 32 values: a scale d (f16), then 16 bytes as in q4_0, whose numbers stand for those of a table. A value is d times its number, which f32 holds exactly.
#include "formats/scales.h"

namespace ablate {
namespace {

constexpr float numbers[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void decode(const std::byte* block, float* values) {
  const float d = read_f16(block);
  for_nibbles(block + 2, [&](std::size_t i, int q) { values[i] = d * numbers[q]; });
}

const StorageFormats::Registration registration("IQ4_NL", {"iq4_nl", 20, 32, 18, sound_scales<0>, decode});

}  // namespace
}  // namespace ablate
