#version 460
#include "common/rows.glsl"

// y = x + bias, one invocation per group of four channels of a row.   x, y: (rows, dim)   bias: (dim)
layout(push_constant) uniform Push { In x; InF32 bias; Out y; uint rows, dim; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.rows * groups; item += item_stride()) {
    const uint row = item / groups, i = item % groups;
    put(p.y, row, p.dim, i, fetch(p.x, row, p.dim, i) + fetch_f32(p.bias, 0, p.dim, i));
  }
}
