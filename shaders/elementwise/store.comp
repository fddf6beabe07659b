#version 460
#include "common/kernel.glsl"

// to = x.   x, to: (count)
layout(push_constant) uniform Push { InF32 x; OutF32 to; uint count; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) p.to.at[i] = p.x.at[i];
}
