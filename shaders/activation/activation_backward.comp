#version 460
#include "common/activation.glsl"
#include "common/elementwise.glsl"

// dx = dy * activation'(x).   x, dy, dx: (count)
layout(push_constant) uniform Push { In x; In dy; Out dx; uint count; } p;

void main() {
  for_quads(i, p.count) store4(p.dx, i, load4(p.dy, i) * activation_slope(load4(p.x, i)));
  for_rest(i, p.count) store(p.dx, i, load(p.dy, i) * activation_slope(load(p.x, i)));
}
