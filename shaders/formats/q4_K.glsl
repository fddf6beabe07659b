// See engine/formats/q4_K.cpp.
#include "common/k_scales.glsl"
#define BLOCK_BYTES 144

vec4 numbers4(Words p, uint block, uint group) { return vec4(k_nibbles(p, block + 16, group)); }
