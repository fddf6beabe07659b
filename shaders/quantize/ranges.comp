#version 460
#include "common/team.glsl"
#include "quantize/groups.glsl"

// The smallest and the largest element of every run of neighbours, a team per run, with QUADS of multiples of four; infinity and -infinity of a run without elements that are quantized. A NaN
// is the largest.   x: (outer, along), as (sequences * time, dim) too   columns: see groups.glsl   ranges: (runs, 2)
layout(push_constant) uniform Push { In x; InF32 columns; OutF32 ranges; uint runs, along, run, dim, time, except_tokens; } p;

void count_in(uint i, float x, inout uint least, inout uint most) {
  if (is_first_token(i, p) || in_kept_column(i, p)) return;
  least = min(least, order_of(x)), most = max(most, order_of(x));
}

void main() {
  const uint each = runs_in(p.along, p.run);
  for (uint r = first_team(); r < p.runs; r += team_stride()) {
    const uint before = r % each * p.run, first = r / each * p.along + before, count = min(p.run, p.along - before);
    uint least = order_of(uintBitsToFloat(0x7f800000u)), most = order_of(uintBitsToFloat(0xff800000u));
    for (uint quad = team_lane(); QUADS != 0 && quad < count / 4; quad += team_lanes()) {
      const vec4 x = load4(p.x, first / 4 + quad);
      [[unroll]] for (uint j = 0; j < 4; ++j) count_in(first + 4 * quad + j, x[j], least, most);
    }
    for (uint e = team_lane(); QUADS == 0 && e < count; e += team_lanes()) count_in(first + e, load(p.x, first + e), least, most);
    least = team_min(least), most = team_max(most);
    if (team_lane() != 0) continue;
    p.ranges.at[2 * r] = number_at(least);
    p.ranges.at[2 * r + 1] = number_at(most);
  }
}
