#version 460
#include "common/rows.glsl"

// y[b, t] = x[b, t] + table[t], one invocation per group of four channels.   x, y: (rows, dim), rows = batch * time   table: (>= time, dim) of TABLE_TYPE
layout(constant_id = 3) const uint TABLE_TYPE = DTYPE_F32;
layout(push_constant) uniform Push { In x; In table; Out y; uint rows, dim, time; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.rows * groups; item += item_stride()) {
    const uint row = item / groups, i = item % groups;
    put(p.y, row, p.dim, i, fetch(p.x, row, p.dim, i) + fetch_as(Words(p.table), row % p.time, p.dim, i, TABLE_TYPE));
  }
}
