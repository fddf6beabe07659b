#version 460
#include "common/kernel.glsl"

// y[g, i] = x[g * group_rows + rows[g, i], channels[g, i]], 0 where the row is negative.   x: (groups * group_rows, dim)   y: (groups, k)
layout(push_constant) uniform Push { In x; InU32 rows; InU32 channels; OutF32 y; uint groups, k, group_rows, dim; } p;

void main() {
  for (uint i = first_item(); i < p.groups * p.k; i += item_stride()) {
    const int row = int(p.rows.at[i]);
    p.y.at[i] = row < 0 ? 0.0 : load(p.x, (i / p.k * p.group_rows + uint(row)) * p.dim + p.channels.at[i]);
  }
}
