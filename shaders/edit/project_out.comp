#version 460
#include "common/team.glsl"

// y = x - sum over directions d of (x . d) d at the positions whose mask is not 0, y = x elsewhere; a team per row.
// x, y: (rows, dim), rows = sequences * time   directions: (count, dim), orthonormal, at most 16   positions: (time), null for all
layout(push_constant) uniform Push { In x; InF32 directions; InF32 positions; Out y; uint rows, dim, time, count; } p;

void main() {
  const uint lane = team_lane(), lanes = team_lanes(), groups = (p.dim + 3) / 4;
  for (uint row = first_team(); row < p.rows; row += team_stride()) {
    const uint count = is_null(p.positions) || p.positions.at[row % p.time] != 0.0 ? p.count : 0;
    float along[16];
    for (uint d = 0; d < count; ++d) {
      float sum = 0.0;
      for (uint i = lane; i < groups; i += lanes) sum += dot(fetch(p.x, row, p.dim, i), fetch_f32(p.directions, d, p.dim, i));
      along[d] = team_sum(sum);
    }
    for (uint i = lane; i < groups; i += lanes) {
      vec4 y = fetch(p.x, row, p.dim, i);
      for (uint d = 0; d < count; ++d) y -= along[d] * fetch_f32(p.directions, d, p.dim, i);
      put(p.y, row, p.dim, i, y);
    }
  }
}
