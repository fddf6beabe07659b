// See engine/formats/q4_0.cpp.
#include "common/nibbles.glsl"
#define BLOCK_VALUES 32
#define BLOCK_BYTES 18
#define SCALE_VALUES 32

vec2 scale4(Words p, uint block, uint group) { return vec2(scale_at(p, block), 0.0); }
vec4 numbers4(Words p, uint block, uint group) { return vec4(nibbles4(halves_at, p, block + 2, group)) - 8.0; }
