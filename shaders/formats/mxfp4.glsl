// See engine/formats/mxfp4.cpp.
#include "common/nibbles.glsl"
#define BLOCK_VALUES 32
#define BLOCK_BYTES 17
#define SCALE_VALUES 32

vec2 scale4(Words p, uint block, uint group) {
  const uint exponent = byte_at(p, block);
  return vec2(uintBitsToFloat(exponent > 0 ? exponent << 23 : 0x400000u), 0.0);
}
vec4 numbers4(Words p, uint block, uint group) {
  const uvec4 q = nibbles4(unaligned_word_at, p, block + 1, group);
  const vec4 twice = vec4(uvec4(0xc8643210u) >> 4 * (q & 7u) & 15u);  // 0, 0.5, 1, 1.5, 2, 3, 4, 6
  return mix(0.5 * twice, -0.5 * twice, greaterThan(q, uvec4(7)));
}
