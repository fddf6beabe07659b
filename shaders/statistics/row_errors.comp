#version 460
#include "common/reduce.glsl"

// Of every row the sums of a^2 and of (a - b)^2, a workgroup per row.   a, b: (rows, dim)   sums: (rows, 2)
layout(push_constant) uniform Push { In a; In b; OutF32 sums; uint rows, dim; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    vec2 sums = vec2(0.0);
    for (uint i = lane(); i < p.dim; i += lanes()) {
      const float a = load(p.a, row * p.dim + i);
      sums += vec2(a * a, sq(a - load(p.b, row * p.dim + i)));
    }
    sums = vec2(workgroup_sum(sums.x), workgroup_sum(sums.y));
    if (lane() != 0) continue;
    p.sums.at[2 * row] = sums.x;
    p.sums.at[2 * row + 1] = sums.y;
  }
}
