#version 460
#include "common/elementwise.glsl"
#include "common/math.glsl"

// y = (clamp(up, -limit, limit) + 1) * g * sigmoid(alpha * g), g = min(gate, limit).   gate, up, y: (count)
layout(push_constant) uniform Push { In gate; In up; Out y; uint count; float limit, alpha; } p;

vec4 value(vec4 gate, vec4 up) {
  const vec4 g = min(gate, vec4(p.limit));
  return (clamp(up, vec4(-p.limit), vec4(p.limit)) + 1.0) * g * sigmoid(p.alpha * g);
}

void main() {
  for_quads(i, p.count) store4(p.y, i, value(load4(p.gate, i), load4(p.up, i)));
  for_rest(i, p.count) store(p.y, i, value(vec4(load(p.gate, i)), vec4(load(p.up, i))).x);
}
