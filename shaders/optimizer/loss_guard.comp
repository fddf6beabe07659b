#version 460
#include "common/kernel.glsl"
#include "optimizer/control.glsl"

// A step whose loss is over the limit leaves everything as it was: its skipped word becomes 2, and it counts as no update. After step_control.
// loss, limit: (1)   control: (5)   state: (4)
layout(push_constant) uniform Push { InF32 loss; InF32 limit; InOutU32 control; InOutU32 state; } p;

void main() {
  if (first_item() != 0 || p.control.at[CONTROL_SKIPPED] != 0 || !(p.loss.at[0] > p.limit.at[0])) return;
  p.control.at[CONTROL_SKIPPED] = 2;
  p.state.at[STATE_STEPS] -= 1;
}
