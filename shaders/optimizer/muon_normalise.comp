#version 460
#include "common/kernel.glsl"

// x = u / max(sqrt(sum of the partial sums of u^2), 1e-7).   u, x: (count)   partial: (partials), few
layout(push_constant) uniform Push { InF32 u; InF32 partial; OutF32 x; uint count, partials; } p;

void main() {
  float sum = 0.0;
  for (uint n = 0; n < p.partials; ++n) sum += p.partial.at[n];
  const float factor = 1.0 / max(sqrt(sum), 1e-7);
  for (uint i = first_item(); i < p.count; i += item_stride()) p.x.at[i] = factor * p.u.at[i];
}
