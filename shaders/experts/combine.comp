#version 460
#include "common/rows.glsl"

// y[row] = residual[row] + the sum over the row's slots of weight * x[slot]; without weights their plain sum.
// x: (rows * chosen, dim)   weights: (rows, chosen), may be null   residual, may be null, y: (rows, dim)
layout(push_constant) uniform Push { In x; InF32 weights; In residual; Out y; uint rows, dim, chosen; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.rows * groups; item += item_stride()) {
    const uint row = item / groups, i = item % groups;
    vec4 sum = vec4(0.0);
    for (uint slot = row * p.chosen; slot < (row + 1) * p.chosen; ++slot)
      sum += (is_null(p.weights) ? 1.0 : p.weights.at[slot]) * fetch(p.x, slot, p.dim, i);
    if (!is_null(p.residual)) sum += fetch(p.residual, row, p.dim, i);
    put(p.y, row, p.dim, i, sum);
  }
}
