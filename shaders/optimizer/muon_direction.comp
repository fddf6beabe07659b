#version 460
#include "common/kernel.glsl"
#include "optimizer/control.glsl"

// Momentum, and the direction that looks a step ahead of it.   g, m, u: (count)   control: (5)
layout(push_constant) uniform Push { InF32 g; InOutF32 m; OutF32 u; InF32 control; uint count; float momentum; } p;

void main() {
  const bool skipped = floatBitsToUint(p.control.at[CONTROL_SKIPPED]) != 0;
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    if (skipped) {
      p.u.at[i] = 0.0;
      continue;
    }
    const float g = p.control.at[CONTROL_GRADIENT_FACTOR] * p.g.at[i], m = mix(g, p.m.at[i], p.momentum);
    p.m.at[i] = m;
    p.u.at[i] = mix(g, m, p.momentum);
  }
}
