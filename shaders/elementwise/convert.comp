#version 460
#include "common/elementwise.glsl"

// y = x, of type DTYPE, in the type TO.   x, y: (count)
layout(constant_id = 3) const uint TO = DTYPE_F32;
layout(push_constant) uniform Push { In x; Out y; uint count; } p;

void main() {
  for_quads(i, p.count) store4_as(Words(p.y), i, load4(p.x, i), TO);
  for_rest(i, p.count) store_as(Words(p.y), i, load(p.x, i), TO);
}
