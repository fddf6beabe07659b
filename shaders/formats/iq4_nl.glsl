// See engine/formats/iq4_nl.cpp.
#include "common/nibbles.glsl"
#define BLOCK_VALUES 32
#define BLOCK_BYTES 18
#define SCALE_VALUES 32

// -127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113, four to a word.
float number_of(uint q) {
  const uint four = q < 8 ? (q < 4 ? 0xbfad9881u : 0xf6eaddcfu) : (q < 12 ? 0x26190d01u : 0x71594535u);
  return float(int(four << 24 - 8 * (q & 3u)) >> 24);
}

vec2 scale4(Words p, uint block, uint group) { return vec2(scale_at(p, block), 0.0); }
vec4 numbers4(Words p, uint block, uint group) {
  const uvec4 q = nibbles4(halves_at, p, block + 2, group);
  return vec4(number_of(q.x), number_of(q.y), number_of(q.z), number_of(q.w));
}
