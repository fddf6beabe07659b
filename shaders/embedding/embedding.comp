#version 460
#include "common/rows.glsl"

// y[n] = table[ids[n]], one invocation per group of four channels.   ids: (tokens)   table: (vocabulary, dim) of TABLE_TYPE   y: (tokens, dim)
layout(constant_id = 3) const uint TABLE_TYPE = DTYPE_F32;
layout(push_constant) uniform Push { InU32 ids; In table; Out y; uint tokens, vocabulary, dim; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.tokens * groups; item += item_stride()) {
    const uint n = item / groups, i = item % groups;
    const uint id = uint(clamp(int(p.ids.at[n]), 0, int(p.vocabulary) - 1));
    put(p.y, n, p.dim, i, fetch_as(Words(p.table), id, p.dim, i, TABLE_TYPE));
  }
}
