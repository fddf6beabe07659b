#version 460
#include "common/activation.glsl"
#include "common/elementwise.glsl"

// y = activation(gate) * up.   gate, up, y: (count)
layout(push_constant) uniform Push { In gate; In up; Out y; uint count; } p;

void main() {
  for_quads(i, p.count) store4(p.y, i, activate(load4(p.gate, i)) * load4(p.up, i));
  for_rest(i, p.count) store(p.y, i, activate(load(p.gate, i)) * load(p.up, i));
}
