#version 460
#include "common/kernel.glsl"

// share[row] = sum of top[row]^2 / norms[row]^2, 0 for a zero row. One invocation per row.   top: (rows, k)   norms, share: (rows)
layout(push_constant) uniform Push { InF32 top; InF32 norms; OutF32 share; uint rows, k; } p;

void main() {
  for (uint row = first_item(); row < p.rows; row += item_stride()) {
    const float norm = p.norms.at[row];
    float share = 0.0;
    if (norm != 0.0)
      for (uint j = 0; j < p.k; ++j) share += sq(p.top.at[row * p.k + j] / norm);
    p.share.at[row] = share;
  }
}
