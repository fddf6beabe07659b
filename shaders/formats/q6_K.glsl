// See engine/formats/q6_K.cpp.
#define BLOCK_VALUES 256
#define BLOCK_BYTES 210
#define SCALE_VALUES 16

vec2 scale4(Words p, uint block, uint group) {
  const int scale = int(byte_at(p, block + 192 + group / 4) << 24) >> 24;
  return vec2(scale_at(p, block + 208) * float(scale), 0.0);
}
vec4 numbers4(Words p, uint block, uint group) {
  const uint n = group / 32, g = group / 8 % 4, l = group % 8 * 4;
  const uvec4 low = fields(halves_at(p, block + 64 * n + g % 2 * 32 + l), g / 2 * 4, 15u), high = fields(halves_at(p, block + 128 + 32 * n + l), 2 * g, 3u);
  return vec4(low + 16 * high) - 32.0;
}
