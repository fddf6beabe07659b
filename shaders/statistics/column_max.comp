#version 460
#include "common/kernel.glsl"

// Chunk c of the rows gives the largest |x[row, i]| among its rows and the lowest row that has it. One invocation per (chunk, channel). NaN counts as larger
// than infinity.   x: (rows, dim)   values, max_rows: (chunks, dim)
layout(push_constant) uniform Push { In x; OutU32 values; OutU32 max_rows; uint rows, dim, chunks, per_chunk; } p;

void main() {
  for (uint item = first_item(); item < p.chunks * p.dim; item += item_stride()) {
    const uint chunk = item / p.dim, i = item % p.dim, first = chunk * p.per_chunk;
    uint most = 0, at = first;
    for (uint row = first; row < min(first + p.per_chunk, p.rows); ++row) {
      const uint magnitude = floatBitsToUint(load(p.x, row * p.dim + i)) & 0x7fffffffu;
      if (magnitude > most) most = magnitude, at = row;
    }
    p.values.at[item] = most;
    p.max_rows.at[item] = at;
  }
}
