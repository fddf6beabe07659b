#version 460
#include "common/reduce.glsl"
#include "optimizer/control.glsl"

// From the partial sums of the gradients' squares: their norm, the factor that unscales and clips them, whether the step is skipped, and the next state.
// One workgroup. corrections holds 1 - beta1^t and sqrt(1 - beta2^t) for t = 1 .. table, from where on both are 1.
// partial: (partials)   corrections: (table, 2)   control: (5)   state: (4)
layout(push_constant) uniform Push {
  InF32 partial; InF32 corrections; OutU32 control; InOutU32 state;
  uint partials, table;
  float clip;
  uint dynamic;
  float growth, backoff;
  uint growth_interval;
} p;

bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }

void advance(bool finite, float loss_scale) {
  const uint good = finite ? p.state.at[STATE_GOOD_STEPS] + 1 : 0;
  const bool grow = p.dynamic != 0 && good == p.growth_interval;
  const float wanted = loss_scale * (grow ? p.growth : p.dynamic != 0 && !finite ? p.backoff : 1.0);
  p.state.at[STATE_LOSS_SCALE] = floatBitsToUint(is_finite(wanted) ? wanted : loss_scale);
  p.state.at[STATE_GOOD_STEPS] = grow ? 0 : good;
  if (finite) p.state.at[STATE_STEPS] += 1;
  else p.state.at[STATE_SKIPPED] += 1;
}

void main() {
  float sum = 0.0;
  for (uint i = lane(); i < p.partials; i += lanes()) sum += p.partial.at[i];
  sum = workgroup_sum(sum);
  if (gl_WorkGroupID.x != 0 || lane() != 0) return;
  const float loss_scale = uintBitsToFloat(p.state.at[STATE_LOSS_SCALE]);
  const bool finite = is_finite(sum);
  const float norm = sqrt(sum) / loss_scale;
  const float clip = p.clip > 0.0 ? min(1.0, p.clip / (norm + 1e-6)) : 1.0;
  const uint t = min(p.state.at[STATE_STEPS] + 1, p.table) - 1;
  p.control.at[CONTROL_GRADIENT_FACTOR] = floatBitsToUint(clip / loss_scale);
  p.control.at[CONTROL_NORM] = floatBitsToUint(norm);
  p.control.at[CONTROL_SKIPPED] = finite ? 0u : 1u;
  p.control.at[CONTROL_CORRECTION1] = floatBitsToUint(p.corrections.at[2 * t]);
  p.control.at[CONTROL_ROOT_CORRECTION2] = floatBitsToUint(p.corrections.at[2 * t + 1]);
  advance(finite, loss_scale);
}
