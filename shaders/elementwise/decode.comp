#version 460
#include "common/blocks.glsl"

// y = x in the type TO, by groups of four.   x: (4 * groups), weights of type X_TYPE or of the kernel's storage format   y: (4 * groups)
layout(constant_id = 3) const uint X_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint TO = DTYPE_F32;
layout(push_constant) uniform Push { In x; Out y; uint groups; } p;

void main() {
  for (uint i = first_item(); i < p.groups; i += item_stride()) store4_as(Words(p.y), i, weights4(Words(p.x), i, X_TYPE), TO);
}
