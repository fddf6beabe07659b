#version 460
#include "common/kernel.glsl"
#include "optimizer/control.glsl"

// x -= lr decay x; x -= lr size o.   x, o, mirror: (count)   mirror, x rounded to DTYPE, may be null   control: (5)   lr: (1)
layout(push_constant) uniform Push { InOutF32 x; InF32 o; Out mirror; InF32 control; InF32 lr; uint count; float decay, size; } p;

void main() {
  if (floatBitsToUint(p.control.at[CONTROL_SKIPPED]) != 0) return;
  const float lr = p.lr.at[0];
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    const float x = p.x.at[i] * (1.0 - lr * p.decay) - lr * p.size * p.o.at[i];
    p.x.at[i] = x;
    if (!is_null(p.mirror)) store(p.mirror, i, x);
  }
}
