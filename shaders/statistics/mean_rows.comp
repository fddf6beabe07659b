#version 460
#include "common/kernel.glsl"

// Chunk c of the rows gives partial[c, i] = sum over its rows of x[row, i] / rows. One invocation per (chunk, channel).   x: (rows, dim)   partial: (chunks, dim)
layout(push_constant) uniform Push { In x; OutF32 partial; uint rows, dim, chunks, per_chunk; } p;

void main() {
  for (uint item = first_item(); item < p.chunks * p.dim; item += item_stride()) {
    const uint chunk = item / p.dim, i = item % p.dim;
    float sum = 0.0;
    for (uint row = chunk * p.per_chunk; row < min((chunk + 1) * p.per_chunk, p.rows); ++row) sum += load(p.x, row * p.dim + i);
    p.partial.at[item] = sum / float(p.rows);
  }
}
