#version 460
#include "common/elementwise.glsl"

// y = value.   y: (count)
layout(push_constant) uniform Push { Out y; uint count; float value; } p;

void main() {
  for_quads(i, p.count) store4(p.y, i, vec4(p.value));
  for_rest(i, p.count) store(p.y, i, p.value);
}
