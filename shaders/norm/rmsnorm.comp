#version 460
#include "common/reduce.glsl"

// y = x * rsqrt(mean(x^2) + eps) * w, one workgroup per row.   x, y: (rows, dim)   w: (dim)   rstd: (rows), kept for the backward pass
layout(push_constant) uniform Push { In x; InF32 w; Out y; OutF32 rstd; uint rows, dim; float eps; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const uint start = row * p.dim;
    float square = 0.0;
    for (uint i = lane(); i < p.dim; i += lanes()) square += sq(load(p.x, start + i));
    const float rstd = inversesqrt(workgroup_sum(square) / float(p.dim) + p.eps);
    for (uint i = lane(); i < p.dim; i += lanes()) store(p.y, start + i, load(p.x, start + i) * rstd * p.w.at[i]);
    if (lane() == 0) p.rstd.at[row] = rstd;
  }
}
