#version 460
#include "common/team.glsl"

// The smallest and the largest element of every run of neighbours, a team per run; infinity and -infinity of a run without elements that are quantized. A NaN
// is the largest. With QUADS every run starts and ends with a whole group of four.
// x: (outer, along), as (sequences * time, dim) too   columns: see groups.glsl   ranges: (runs, 2)
layout(push_constant) uniform Push { In x; InF32 columns; OutF32 ranges; uint runs, along, run, dim, time, except_tokens; } p;
#include "quantize/range.glsl"

void main() {
  const uint each = runs_in(p.along, p.run);
  for (uint r = first_team(); r < p.runs; r += team_stride()) {
    const uint before = r % each * p.run, first = r / each * p.along + before, count = min(p.run, p.along - before);
    Range range = empty_range();
    for (uint quad = team_lane(); QUADS != 0 && quad < count / 4; quad += team_lanes()) {
      const vec4 x = load4(p.x, first / 4 + quad);
      [[unroll]] for (uint j = 0; j < 4; ++j) count_in(range, first + 4 * quad + j, x[j]);
    }
    for (uint e = team_lane(); QUADS == 0 && e < count; e += team_lanes()) count_in(range, first + e, load(p.x, first + e));
    range = Range(team_min(range.least), team_max(range.most));
    if (team_lane() == 0) put_range(r, range);
  }
}
