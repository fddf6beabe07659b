#version 460
#include "common/kernel.glsl"
#include "optimizer/control.glsl"

// weight[0] = loss scale / count.   state: (4)   count, weight: (1)
layout(push_constant) uniform Push { InF32 state; InF32 count; OutF32 weight; } p;

void main() {
  if (first_item() == 0) p.weight.at[0] = p.state.at[STATE_LOSS_SCALE] / p.count.at[0];
}
