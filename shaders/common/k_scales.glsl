// What q4_K and q5_K share: eight groups of 32 values, each with a scale and a min of its own, and four bits of every value.
#ifndef ABLATE_K_SCALES_GLSL
#define ABLATE_K_SCALES_GLSL
#define BLOCK_VALUES 256
#define SCALE_VALUES 32

// Of the 12 bytes that keep the scales and mins in six bits each: the k-th of both, the min taken off.
vec2 k_scale(Words p, uint at, uint k) {
  const uint first = byte_at(p, at + k), second = byte_at(p, at + k + 4);
  if (k < 4) return vec2(first & 63u, -float(second & 63u));
  return vec2((second & 15u) + 16 * (byte_at(p, at + k - 4) >> 6), -float((second >> 4) + 16 * (first >> 6)));
}

vec2 scale4(Words p, uint block, uint group) { return scales_of(aligned_word_at(p, block)) * k_scale(p, block + 4, group / 8); }

// The low bits of a group of four, from the 128 bytes at `at`.
uvec4 k_nibbles(Words p, uint at, uint group) {
  const uint k = group / 8;
  return fields(aligned_word_at(p, at + k / 2 * 32 + group % 8 * 4), k % 2 * 4, 15u);
}
#endif
