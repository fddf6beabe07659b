#version 460
#include "optimizer/update.glsl"

// AdamW over all parameters: x -= lr decay x; m, v running means of g, g^2; x -= lr (m / correction1) / (sqrt(v) / root_correction2 + eps).
// x, g, m, v, mirror: (count)   mirror, x rounded to DTYPE, may be null   control: (5)   lr: (1)   boundaries: see decays_at
layout(push_constant) uniform Push {
  InOutF32 x; InF32 g; InOutF32 m; InOutF32 v; Out mirror; InF32 control; InF32 lr; InU32 boundaries;
  uint count, boundary_count;
  float one_minus_beta1, beta2, one_minus_beta2, eps, decay;
} p;

struct Element {
  vec4 x, m, v;
};

Element updated(Element e, vec4 g, bool decays) {
  const float lr = p.lr.at[0], step_size = lr / p.control.at[CONTROL_CORRECTION1], root = p.control.at[CONTROL_ROOT_CORRECTION2];
  g *= p.control.at[CONTROL_GRADIENT_FACTOR];
  if (decays) e.x *= 1.0 - lr * p.decay;
  e.m += p.one_minus_beta1 * (g - e.m);
  e.v = p.beta2 * e.v + p.one_minus_beta2 * g * g;
  e.x -= step_size * e.m / (sqrt(e.v) / root + p.eps);
  return e;
}

void main() {
  if (floatBitsToUint(p.control.at[CONTROL_SKIPPED]) != 0) return;
  for_quads(i, p.count) {
    Element e = Element(four(p.x, i), four(p.m, i), four(p.v, i));
    const vec4 g = four(p.g, i);
    e = updated(e, g, decays_at(p.boundaries, p.boundary_count, 4 * i));
    four(p.x, i) = e.x;
    four(p.m, i) = e.m;
    four(p.v, i) = e.v;
    if (!is_null(p.mirror)) store4(p.mirror, i, e.x);
  }
  for_rest(i, p.count) {
    Element e = Element(vec4(p.x.at[i]), vec4(p.m.at[i]), vec4(p.v.at[i]));
    e = updated(e, vec4(p.g.at[i]), decays_at(p.boundaries, p.boundary_count, i));
    p.x.at[i] = e.x.x;
    p.m.at[i] = e.m.x;
    p.v.at[i] = e.v.x;
    if (!is_null(p.mirror)) store(p.mirror, i, e.x.x);
  }
}
