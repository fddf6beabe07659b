#version 460
#include "optimizer/update.glsl"

// SGD with momentum over all parameters: g += decay x; m = momentum m + g; x -= lr m.
// x, g, m, mirror: (count)   mirror, x rounded to DTYPE, may be null   control: (5)   lr: (1)   boundaries: see decays_at
layout(push_constant) uniform Push {
  InOutF32 x; InF32 g; InOutF32 m; Out mirror; InF32 control; InF32 lr; InU32 boundaries;
  uint count, boundary_count;
  float momentum, decay;
} p;

struct Element {
  vec4 x, m;
};

Element updated(Element e, vec4 g, bool decays) {
  g *= p.control.at[CONTROL_GRADIENT_FACTOR];
  if (decays) g += p.decay * e.x;
  e.m = p.momentum * e.m + g;
  e.x -= p.lr.at[0] * e.m;
  return e;
}

void main() {
  if (floatBitsToUint(p.control.at[CONTROL_SKIPPED]) != 0) return;
  for_quads(i, p.count) {
    const Element e = updated(Element(four(p.x, i), four(p.m, i)), four(p.g, i), decays_at(p.boundaries, p.boundary_count, 4 * i));
    four(p.x, i) = e.x;
    four(p.m, i) = e.m;
    if (!is_null(p.mirror)) store4(p.mirror, i, e.x);
  }
  for_rest(i, p.count) {
    const Element e = updated(Element(vec4(p.x.at[i]), vec4(p.m.at[i])), vec4(p.g.at[i]), decays_at(p.boundaries, p.boundary_count, i));
    p.x.at[i] = e.x.x;
    p.m.at[i] = e.m.x;
    if (!is_null(p.mirror)) store(p.mirror, i, e.x.x);
  }
}
