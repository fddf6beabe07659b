#version 460
#include "common/elementwise.glsl"

// y = x * factor.   x, y: (count)
layout(push_constant) uniform Push { In x; Out y; uint count; float factor; } p;

void main() {
  for_quads(i, p.count) store4(p.y, i, load4(p.x, i) * p.factor);
  for_rest(i, p.count) store(p.y, i, load(p.x, i) * p.factor);
}
