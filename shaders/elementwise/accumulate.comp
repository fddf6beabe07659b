#version 460
#include "common/elementwise.glsl"

// sum += x.   sum, x: (count)
layout(push_constant) uniform Push { InOut sum; In x; uint count; } p;

void main() {
  for_quads(i, p.count) store4(p.sum, i, load4(p.sum, i) + load4(p.x, i));
  for_rest(i, p.count) store(p.sum, i, load(p.sum, i) + load(p.x, i));
}
