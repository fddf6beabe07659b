#version 460
#include "common/rows.glsl"

// The gradient of a causal convolution's weights, still to be summed over chunks of sequences: dw[c, j] = sum over tokens of dy[t, c] x[t - taps + 1 + j, c].
// One invocation per chunk, tap and group of four channels.   x, dy: (rows, dim)   dw: (chunks, dim, taps)
layout(push_constant) uniform Push { In x; In dy; OutF32 dw; uint sequences, tokens, dim, taps, chunks; } p;

void main() {
  const uint groups = (p.dim + 3) / 4, per_chunk = (p.sequences + p.chunks - 1) / p.chunks;
  for (uint item = first_item(); item < p.chunks * p.taps * groups; item += item_stride()) {
    const uint i = item % groups, back = item / groups % p.taps, chunk = item / groups / p.taps;
    vec4 sum = vec4(0.0);
    for (uint sequence = chunk * per_chunk; sequence < min((chunk + 1) * per_chunk, p.sequences); ++sequence)
      for (uint token = back; token < p.tokens; ++token) {
        const uint row = sequence * p.tokens + token;
        sum += fetch(p.dy, row, p.dim, i) * fetch(p.x, row - back, p.dim, i);
      }
    [[unroll]] for (uint c = 0; c < 4; ++c)
      if (i * 4 + c < p.dim) p.dw.at[(chunk * p.dim + i * 4 + c) * p.taps + p.taps - 1 - back] = sum[c];
  }
}
