// See engine/formats/q5_1.cpp.
#include "common/nibbles.glsl"
#define BLOCK_VALUES 32
#define BLOCK_BYTES 24
#define SCALE_VALUES 32

vec2 scale4(Words p, uint block, uint group) { return scales_of(aligned_word_at(p, block)); }
vec4 numbers4(Words p, uint block, uint group) {
  return vec4(nibbles4(aligned_word_at, p, block + 8, group) + 16 * bits4(aligned_word_at(p, block + 4), 4 * group));
}
