// A team is the lanes that work on one row: the whole workgroup, or (SUBGROUP_TEAMS) each of its subgroups, so that short rows need no barrier.
#ifndef ABLATE_TEAM_GLSL
#define ABLATE_TEAM_GLSL
#include "common/reduce.glsl"
#include "common/rows.glsl"

layout(constant_id = 3) const uint SUBGROUP_TEAMS = 0;
layout(constant_id = 4) const uint KEPT = 1;  // groups of four elements that a lane keeps in registers; a longer row's rest is read again

#ifdef SUBGROUP_ARITHMETIC
bool small_teams() { return SUBGROUP_TEAMS != 0; }
// Counted, not asked for: a subgroup need not be full.
uint team_lane() { return small_teams() ? subgroupExclusiveAdd(1u) : lane(); }
uint team_lanes() { return small_teams() ? subgroupAdd(1u) : lanes(); }
uint first_team() { return small_teams() ? gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID : first_row(); }
uint team_stride() { return small_teams() ? row_stride() * gl_NumSubgroups : row_stride(); }
float team_sum(float x) {
  if (small_teams()) return subgroupAdd(x);
  return workgroup_sum(x);
}
#else
uint team_lane() { return lane(); }
uint team_lanes() { return lanes(); }
uint first_team() { return first_row(); }
uint team_stride() { return row_stride(); }
float team_sum(float x) { return workgroup_sum(x); }
#endif
#endif
