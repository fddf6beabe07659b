#version 460
#include "common/kernel.glsl"

// to = x, bit for bit.   x, to: (count)
layout(push_constant) uniform Push { InU32 x; OutU32 to; uint count; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) p.to.at[i] = p.x.at[i];
}
