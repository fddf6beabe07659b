// See engine/formats/q4_K.cpp.
#include "common/k_scales.glsl"
#define BLOCK_VALUES 256
#define BLOCK_BYTES 144
#define SCALE_VALUES 32

vec2 scale4(Words p, uint block, uint group) { return scales_of(aligned_word_at(p, block)) * k_scale(p, block + 4, group / 8); }
vec4 numbers4(Words p, uint block, uint group) {
  const uint k = group / 8, l = group % 8 * 4;
  return vec4(fields(aligned_word_at(p, block + 16 + k / 2 * 32 + l), k % 2 * 4, 15u));
}
