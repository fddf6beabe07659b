#version 460
#include "common/blocks.glsl"
#include "common/rows.glsl"

// y[n] = table[ids[n] - first] where the part of the table that begins with row `first` has that row, else y[n] stays; one invocation per group of four
// channels.   ids: (tokens)   table: (rows, dim) of TABLE_TYPE or of the kernel's storage format, part of (vocabulary, dim)   y: (tokens, dim)
layout(constant_id = 3) const uint TABLE_TYPE = DTYPE_F32;
layout(push_constant) uniform Push { InU32 ids; In table; Out y; uint tokens, vocabulary, first, rows, dim; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.tokens * groups; item += item_stride()) {
    const uint n = item / groups, i = item % groups;
    const uint row = uint(clamp(int(p.ids.at[n]), 0, int(p.vocabulary) - 1)) - p.first;
#ifdef BLOCK_VALUES
    if (row < p.rows) put(p.y, n, p.dim, i, weights4(Words(p.table), row * groups + i, TABLE_TYPE));
#else
    if (row < p.rows) put(p.y, n, p.dim, i, fetch_as(Words(p.table), row, p.dim, i, TABLE_TYPE));
#endif
  }
}
