#version 460
#include "common/activation.glsl"
#include "common/elementwise.glsl"

// Gradients of y = activation(gate) * up:  dgate = dy * up * activation'(gate),  dup = dy * activation(gate).   all: (count)
layout(push_constant) uniform Push { In gate; In up; In dy; Out dgate; Out dup; uint count; } p;

void main() {
  for_quads(i, p.count) {
    const vec4 gate = load4(p.gate, i), up = load4(p.up, i), dy = load4(p.dy, i);
    store4(p.dgate, i, dy * up * activation_slope(gate));
    store4(p.dup, i, dy * activate(gate));
  }
  for_rest(i, p.count) {
    const float gate = load(p.gate, i), up = load(p.up, i), dy = load(p.dy, i);
    store(p.dgate, i, dy * up * activation_slope(gate));
    store(p.dup, i, dy * activate(gate));
  }
}
