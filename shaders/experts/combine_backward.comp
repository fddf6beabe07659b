#version 460
#include "common/team.glsl"

// Gradients of experts/combine.comp, a team per slot:  dx[slot] = weight * d[row],  dweight = d[row] . x[slot].
// x, dx: (rows * chosen, dim)   weights, dweights: (rows, chosen)   d: (rows, dim)
layout(push_constant) uniform Push { In x; InF32 weights; In d; Out dx; OutF32 dweights; uint rows, dim, chosen; } p;

void main() {
  const uint lane = team_lane(), lanes = team_lanes();
  for (uint slot = first_team(); slot < p.rows * p.chosen; slot += team_stride()) {
    const float weight = p.weights.at[slot];
    float sum = 0.0;
    for (uint i = lane; i < (p.dim + 3) / 4; i += lanes) {
      const vec4 d = fetch(p.d, slot / p.chosen, p.dim, i);
      put(p.dx, slot, p.dim, i, weight * d);
      sum += dot(d, fetch(p.x, slot, p.dim, i));
    }
    sum = team_sum(sum);
    if (lane == 0) p.dweights.at[slot] = sum;
  }
}
