#version 460
#include "common/reduce.glsl"

// Gradient of y = x * rstd * w with respect to x, plus the gradient that reached x another way (`add`, may be null):
//   dx = add + rstd * (w * dy - x * rstd^2 * mean(w * dy * x)),   one workgroup per row.   x, dy, dx, add: (rows, dim)   w: (dim)   rstd: (rows)
layout(push_constant) uniform Push { In x; In dy; In add; InF32 w; InF32 rstd; Out dx; uint rows, dim; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const uint start = row * p.dim;
    const float rstd = p.rstd.at[row];
    float dot = 0.0;
    for (uint i = lane(); i < p.dim; i += lanes()) dot += load(p.dy, start + i) * p.w.at[i] * load(p.x, start + i);
    const float shift = workgroup_sum(dot) / float(p.dim) * rstd * rstd;
    for (uint i = lane(); i < p.dim; i += lanes()) {
      float dx = rstd * (load(p.dy, start + i) * p.w.at[i] - load(p.x, start + i) * shift);
      if (!is_null(p.add)) dx += load(p.add, start + i);
      store(p.dx, start + i, dx);
    }
  }
}
