#version 460
#include "common/elementwise.glsl"
#include "common/math.glsl"

// Gradients of activation/clamped_swiglu.comp; what was clamped has none.   gate, up, d, dgate, dup: (count)
layout(push_constant) uniform Push { In gate; In up; In d; Out dgate; Out dup; uint count; float limit, alpha; } p;

vec4 gate_gradient(vec4 gate, vec4 up, vec4 d) {
  const vec4 g = min(gate, vec4(p.limit)), s = sigmoid(p.alpha * g);
  const vec4 slope = s + p.alpha * g * s * (1.0 - s);
  return d * (clamp(up, vec4(-p.limit), vec4(p.limit)) + 1.0) * slope * vec4(lessThanEqual(gate, vec4(p.limit)));
}
vec4 up_gradient(vec4 gate, vec4 up, vec4 d) {
  const vec4 g = min(gate, vec4(p.limit));
  return d * g * sigmoid(p.alpha * g) * vec4(lessThanEqual(abs(up), vec4(p.limit)));
}

void main() {
  for_quads(i, p.count) {
    const vec4 gate = load4(p.gate, i), up = load4(p.up, i), d = load4(p.d, i);
    store4(p.dgate, i, gate_gradient(gate, up, d));
    store4(p.dup, i, up_gradient(gate, up, d));
  }
  for_rest(i, p.count) {
    const vec4 gate = vec4(load(p.gate, i)), up = vec4(load(p.up, i)), d = vec4(load(p.d, i));
    store(p.dgate, i, gate_gradient(gate, up, d).x);
    store(p.dup, i, up_gradient(gate, up, d).x);
  }
}
