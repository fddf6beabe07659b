#version 460
#include "common/kernel.glsl"

// dx = dy y (1 - y) of y = sigmoid(x).   y, dy: (count) f32   dx: (count)
layout(push_constant) uniform Push { InF32 y; InF32 dy; Out dx; uint count; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) store(p.dx, i, p.dy.at[i] * p.y.at[i] * (1.0 - p.y.at[i]));
}
