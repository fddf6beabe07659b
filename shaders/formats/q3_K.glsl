// See engine/formats/q3_K.cpp.
#define BLOCK_VALUES 256
#define BLOCK_BYTES 110
#define SCALE_VALUES 16

vec2 scale4(Words p, uint block, uint group) {
  const uint i = group / 4, low = byte_at(p, block + 96 + i % 8) >> i / 8 * 4 & 15u, high = byte_at(p, block + 104 + i % 4) >> 2 * (i / 4) & 3u;
  return vec2(scale_at(p, block + 108) * float(int(low + 16 * high) - 32), 0.0);
}
vec4 numbers4(Words p, uint block, uint group) {
  const uint n = group / 32, j = group / 8 % 4, l = group % 8 * 4;
  return vec4(fields(halves_at(p, block + 32 + 32 * n + l), 2 * j, 3u) + 4 * fields(halves_at(p, block + l), 4 * n + j, 1u)) - 4.0;
}
