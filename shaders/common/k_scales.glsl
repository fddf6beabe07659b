// The 12 bytes in which q4_K and q5_K keep eight scales and eight mins of six bits each: the k-th of both, the min taken off.
#ifndef ABLATE_K_SCALES_GLSL
#define ABLATE_K_SCALES_GLSL

vec2 k_scale(Words p, uint at, uint k) {
  const uint first = byte_at(p, at + k), second = byte_at(p, at + k + 4);
  if (k < 4) return vec2(first & 63u, -float(second & 63u));
  return vec2((second & 15u) + 16 * (byte_at(p, at + k - 4) >> 6), -float((second >> 4) + 16 * (first >> 6)));
}
#endif
