#version 460
#include "common/kernel.glsl"

// y[chunk, i] = sum of x[row, i] over the chunk's rows, in a fixed order. A workgroup takes COLUMNS columns of a chunk; its lanes share the rows.
// x: (rows, dim) of type DTYPE   y: (chunks, dim)
layout(constant_id = 2) const uint COLUMNS = 8;  // divides LANES
layout(push_constant) uniform Push { In x; OutF32 y; uint rows, dim, chunks; } p;
shared float sums[1024];

void main() {
  const uint tiles = (p.dim + COLUMNS - 1) / COLUMNS, per_chunk = (p.rows + p.chunks - 1) / p.chunks, slices = LANES / COLUMNS;
  const uint slice = lane() / COLUMNS, column = lane() % COLUMNS;
  for (uint task = first_row(); task < p.chunks * tiles; task += row_stride()) {
    const uint chunk = task / tiles, i = task % tiles * COLUMNS + column;
    float sum = 0.0;
    if (i < p.dim)
      for (uint row = chunk * per_chunk + slice; row < min((chunk + 1) * per_chunk, p.rows); row += slices) sum += load(p.x, row * p.dim + i);
    if (slices > 1) {
      barrier();
      sums[lane()] = sum;
      barrier();
      for (uint s = 1; slice == 0 && s < slices; ++s) sum += sums[s * COLUMNS + column];
    }
    if (slice == 0 && i < p.dim) p.y.at[chunk * p.dim + i] = sum;
  }
}
