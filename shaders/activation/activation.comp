#version 460
#include "common/activation.glsl"
#include "common/elementwise.glsl"

// y = activation(x).   x, y: (count)
layout(push_constant) uniform Push { In x; Out y; uint count; } p;

void main() {
  for_quads(i, p.count) store4(p.y, i, activate(load4(p.x, i)));
  for_rest(i, p.count) store(p.y, i, activate(load(p.x, i)));
}
