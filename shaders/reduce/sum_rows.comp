#version 460
#include "common/kernel.glsl"

// y[i] = sum over rows of x[row, i], in the order of the rows.   x: (rows, dim)   y: (dim)
layout(push_constant) uniform Push { InF32 x; OutF32 y; uint rows, dim; } p;

void main() {
  for (uint i = first_item(); i < p.dim; i += item_stride()) {
    float sum = 0.0;
    for (uint row = 0; row < p.rows; ++row) sum += p.x.at[row * p.dim + i];
    p.y.at[i] = sum;
  }
}
