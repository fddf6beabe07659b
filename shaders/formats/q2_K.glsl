// See engine/formats/q2_K.cpp.
#define BLOCK_VALUES 256
#define BLOCK_BYTES 84
#define SCALE_VALUES 16

vec2 scale4(Words p, uint block, uint group) {
  const uint scale = byte_at(p, block + group / 4);
  return scales_of(aligned_word_at(p, block + 80)) * vec2(scale & 15u, -float(scale >> 4));
}
vec4 numbers4(Words p, uint block, uint group) {
  const uint n = group / 32, j = group / 8 % 4, l = group % 8 * 4;
  return vec4(fields(aligned_word_at(p, block + 16 + 32 * n + l), 2 * j, 3u));
}
