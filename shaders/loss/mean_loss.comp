#version 460
#include "common/reduce.glsl"
#include "common/span.glsl"

// mean[0] = sum of losses / count. One workgroup.   losses: (rows)   count, mean: (1)
layout(push_constant) uniform Push { InF32 losses; InF32 count; OutF32 mean; uint rows; } p;

void main() {
  const Span span = span_of(p.losses, 0, p.rows);
  vec4 sum = vec4(0.0);
  for_singles(i, span) sum.x += p.losses.at[i];
  for_groups(base, span) {
    vec4 x[4];
    load_groups(p.losses, base, span, 0.0, x);
    sum += (x[0] + x[1]) + (x[2] + x[3]);
  }
  const float total = workgroup_sum((sum.x + sum.y) + (sum.z + sum.w));
  if (lane() == 0) p.mean.at[0] = total / p.count.at[0];
}
