// See engine/formats/q8_0.cpp.
#define BLOCK_VALUES 32
#define BLOCK_BYTES 34
#define SCALE_VALUES 32

vec2 scale4(Words p, uint block, uint group) { return vec2(scale_at(p, block), 0.0); }
vec4 numbers4(Words p, uint block, uint group) { return vec4(signed_bytes(halves_at(p, block + 2 + 4 * group))); }
