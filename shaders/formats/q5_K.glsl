// See engine/formats/q5_K.cpp.
#include "common/k_scales.glsl"
#define BLOCK_BYTES 176

vec4 numbers4(Words p, uint block, uint group) {
  return vec4(k_nibbles(p, block + 48, group) + 16 * fields(aligned_word_at(p, block + 16 + group % 8 * 4), group / 8, 1u));
}
