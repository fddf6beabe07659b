#version 460
#include "common/team.glsl"
#include "quantize/groups.glsl"

// The smallest and the largest element of every run of neighbours, a team per run; infinity and -infinity of a run without elements that are quantized. A NaN
// is the largest.   x: (outer, along), as (sequences * time, dim) too   columns: see groups.glsl   ranges: (runs, 2)
layout(push_constant) uniform Push { In x; InF32 columns; OutF32 ranges; uint runs, along, run, dim, time, except_tokens; } p;

void main() {
  const uint each = runs_in(p.along, p.run);
  for (uint r = first_team(); r < p.runs; r += team_stride()) {
    const uint before = r % each * p.run, first = r / each * p.along + before, count = min(p.run, p.along - before);
    uint least = order_of(uintBitsToFloat(0x7f800000u)), most = order_of(uintBitsToFloat(0xff800000u));
    for (uint e = team_lane(); e < count; e += team_lanes()) {
      const uint i = first + e;
      if (is_first_token(i, p) || in_kept_column(i, p)) continue;
      const uint x = order_of(load(p.x, i));
      least = min(least, x), most = max(most, x);
    }
    least = team_min(least), most = team_max(most);
    if (team_lane() != 0) continue;
    p.ranges.at[2 * r] = number_at(least);
    p.ranges.at[2 * r + 1] = number_at(most);
  }
}
