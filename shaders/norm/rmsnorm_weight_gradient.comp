#version 460
#include "common/kernel.glsl"

// Partial gradients of the weight: chunk c of the rows gives partial[c, i] = sum over its rows of dy * x * rstd. One invocation per (chunk, channel).
// x, dy: (rows, dim)   rstd: (rows)   partial: (chunks, dim)
layout(push_constant) uniform Push { In x; In dy; InF32 rstd; OutF32 partial; uint rows, dim, chunks; } p;

void main() {
  const uint per_chunk = (p.rows + p.chunks - 1) / p.chunks;
  for (uint item = first_item(); item < p.chunks * p.dim; item += item_stride()) {
    const uint chunk = item / p.dim, i = item % p.dim;
    float sum = 0.0;
    for (uint row = chunk * per_chunk; row < min((chunk + 1) * per_chunk, p.rows); ++row)
      sum += load(p.dy, row * p.dim + i) * load(p.x, row * p.dim + i) * p.rstd.at[row];
    p.partial.at[item] = sum;
  }
}
