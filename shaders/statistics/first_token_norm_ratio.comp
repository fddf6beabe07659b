#version 460
#include "common/reduce.glsl"

// ratio[b] = norms[b, 0] / mean over t >= 1 of norms[b, t], one workgroup per sequence.   norms: (batch, tokens)   ratio: (batch)
layout(push_constant) uniform Push { InF32 norms; OutF32 ratio; uint batch, tokens; } p;

void main() {
  for (uint b = first_row(); b < p.batch; b += row_stride()) {
    float others = 0.0;
    for (uint t = 1 + lane(); t < p.tokens; t += lanes()) others += p.norms.at[b * p.tokens + t];
    others = workgroup_sum(others);
    if (lane() == 0) p.ratio.at[b] = p.norms.at[b * p.tokens] * float(p.tokens - 1) / others;
  }
}
