#version 460
#include "common/kernel.glsl"

// y = a * b, four elements an invocation.   a, b, y: (count)
layout(push_constant) uniform Push { In a; In b; Out y; uint count; } p;

void main() {
  for (uint i = first_item(); i < p.count / 4; i += item_stride()) store4(p.y, i, load4(p.a, i) * load4(p.b, i));
  for (uint i = p.count / 4 * 4 + first_item(); i < p.count; i += item_stride()) store(p.y, i, load(p.a, i) * load(p.b, i));
}
