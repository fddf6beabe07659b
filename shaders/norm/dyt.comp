#version 460
#include "common/math.glsl"
#include "common/rows.glsl"

// y = w * tanh(alpha * x) (+ bias, may be null), one invocation per group of four channels of a row.   x, y: (rows, dim)   w, bias: (dim)   alpha: (1)
layout(push_constant) uniform Push { In x; InF32 w; InF32 alpha; InF32 bias; Out y; uint rows, dim; } p;

void main() {
  const uint groups = (p.dim + 3) / 4;
  for (uint item = first_item(); item < p.rows * groups; item += item_stride()) {
    const uint row = item / groups, i = item % groups;
    vec4 y = tanh_of(p.alpha.at[0] * fetch(p.x, row, p.dim, i)) * fetch_f32(p.w, 0, p.dim, i);
    if (!is_null(p.bias)) y += fetch_f32(p.bias, 0, p.dim, i);
    put(p.y, row, p.dim, i, y);
  }
}
