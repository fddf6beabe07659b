#version 460
#include "optimizer/update.glsl"

// SGD with momentum over all parameters, four an invocation: g += decay x; m = momentum m + g; x -= lr m.
// x, g, m, mirror: (count)   mirror, x rounded to DTYPE, may be null   control: (5)   lr: (1)   boundaries: see decays_at
layout(push_constant) uniform Push {
  InOutF32 x; InF32 g; InOutF32 m; Out mirror; InF32 control; InF32 lr; InU32 boundaries;
  uint count, boundary_count;
  float momentum, decay;
} p;

void main() {
  if (floatBitsToUint(p.control.at[CONTROL_SKIPPED]) != 0) return;
  const float factor = p.control.at[CONTROL_GRADIENT_FACTOR], lr = p.lr.at[0];
  const Span all = span_of(p.mirror, 0, p.count);
  for (uint i = first_item(); i < (p.count + 3) / 4; i += item_stride()) {
    vec4 x = load_f32(p.x, i, p.count), g = load_f32(p.g, i, p.count) * factor;
    if (decays_at(p.boundaries, p.boundary_count, 4 * i)) g += p.decay * x;
    const vec4 m = p.momentum * load_f32(p.m, i, p.count) + g;
    x -= lr * m;
    store_f32(p.x, i, p.count, x);
    store_f32(p.m, i, p.count, m);
    if (!is_null(p.mirror)) store_span(p.mirror, i, all, x);
  }
}
