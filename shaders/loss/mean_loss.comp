#version 460
#include "common/reduce.glsl"
#include "common/span.glsl"

// mean[0] = sum of losses / count. One workgroup.   losses: (rows)   count, mean: (1)
layout(push_constant) uniform Push { InF32 losses; InF32 count; OutF32 mean; uint rows; } p;

void main() {
  const Span span = span_of(p.losses, 0, p.rows);
  vec4 sum = vec4(0.0);
  for (uint base = lane(); base < span.last; base += 4 * lanes()) {
    vec4 x[4];
    [[unroll]] for (uint j = 0; j < 4; ++j) x[j] = load_span(p.losses, base + j * lanes(), span, 0.0);
    sum += (x[0] + x[1]) + (x[2] + x[3]);
  }
  const float total = workgroup_sum((sum.x + sum.y) + (sum.z + sum.w));
  if (lane() == 0) p.mean.at[0] = total / p.count.at[0];
}
