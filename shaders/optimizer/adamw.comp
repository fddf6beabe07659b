#version 460
#include "optimizer/update.glsl"

// AdamW over all parameters, four an invocation: x -= lr decay x; m, v running means of g, g^2; x -= lr (m / correction1) / (sqrt(v) / root_correction2 + eps).
// x, g, m, v, mirror: (count)   mirror, x rounded to DTYPE, may be null   control: (5)   lr: (1)   boundaries: see decays_at
layout(push_constant) uniform Push {
  InOutF32 x; InF32 g; InOutF32 m; InOutF32 v; Out mirror; InF32 control; InF32 lr; InU32 boundaries;
  uint count, boundary_count;
  float one_minus_beta1, beta2, one_minus_beta2, eps, decay;
} p;

void main() {
  if (floatBitsToUint(p.control.at[CONTROL_SKIPPED]) != 0) return;
  const float factor = p.control.at[CONTROL_GRADIENT_FACTOR], lr = p.lr.at[0];
  const float step = lr / p.control.at[CONTROL_CORRECTION1], root = p.control.at[CONTROL_ROOT_CORRECTION2];
  const Span all = span_of(p.mirror, 0, p.count);
  for (uint i = first_item(); i < (p.count + 3) / 4; i += item_stride()) {
    vec4 x = load_f32(p.x, i, p.count), m = load_f32(p.m, i, p.count), v = load_f32(p.v, i, p.count);
    const vec4 g = load_f32(p.g, i, p.count) * factor;
    if (decays_at(p.boundaries, p.boundary_count, 4 * i)) x *= 1.0 - lr * p.decay;
    m += p.one_minus_beta1 * (g - m);
    v = p.beta2 * v + p.one_minus_beta2 * g * g;
    x -= step * m / (sqrt(v) / root + p.eps);
    store_f32(p.x, i, p.count, x);
    store_f32(p.m, i, p.count, m);
    store_f32(p.v, i, p.count, v);
    if (!is_null(p.mirror)) store_span(p.mirror, i, all, x);
  }
}
