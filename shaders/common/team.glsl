// A team is the lanes that work on one row: the workgroup; or each of its subgroups, so that short rows need no barrier; or each lane, for rows of some
// few elements.
#ifndef ABLATE_TEAM_GLSL
#define ABLATE_TEAM_GLSL
#include "common/reduce.glsl"
#include "common/rows.glsl"

#define TEAM_WORKGROUP 0u
#define TEAM_SUBGROUP 1u
#define TEAM_LANE 2u
layout(constant_id = 3) const uint TEAM = TEAM_WORKGROUP;
layout(constant_id = 4) const uint KEPT = 1;  // groups of four elements that a lane keeps in registers; a longer row's rest is read again

#ifdef SUBGROUP_ARITHMETIC
// The subgroup's lanes are counted, not asked for: it need not be full.
uint team_lane() { return TEAM == TEAM_LANE ? 0 : TEAM == TEAM_SUBGROUP ? subgroupExclusiveAdd(1u) : lane(); }
uint team_lanes() { return TEAM == TEAM_LANE ? 1 : TEAM == TEAM_SUBGROUP ? subgroupAdd(1u) : lanes(); }
uint teams_here() { return TEAM == TEAM_LANE ? lanes() : TEAM == TEAM_SUBGROUP ? gl_NumSubgroups : 1; }
uint team_here() { return TEAM == TEAM_LANE ? lane() : TEAM == TEAM_SUBGROUP ? gl_SubgroupID : 0; }
float team_sum(float x) {
  if (TEAM == TEAM_LANE) return x;
  if (TEAM == TEAM_SUBGROUP) return subgroupAdd(x);
  return workgroup_sum(x);
}
uint team_max(uint x) { return TEAM == TEAM_LANE ? x : TEAM == TEAM_SUBGROUP ? subgroupMax(x) : workgroup_max(x); }
uint team_min(uint x) { return TEAM == TEAM_LANE ? x : TEAM == TEAM_SUBGROUP ? subgroupMin(x) : workgroup_min(x); }
#else
uint team_lane() { return TEAM == TEAM_LANE ? 0 : lane(); }
uint team_lanes() { return TEAM == TEAM_LANE ? 1 : lanes(); }
uint teams_here() { return TEAM == TEAM_LANE ? lanes() : 1; }
uint team_here() { return TEAM == TEAM_LANE ? lane() : 0; }
float team_sum(float x) {
  if (TEAM == TEAM_LANE) return x;
  return workgroup_sum(x);
}
uint team_max(uint x) { return TEAM == TEAM_LANE ? x : workgroup_max(x); }
uint team_min(uint x) { return TEAM == TEAM_LANE ? x : workgroup_min(x); }
#endif
uint first_team() { return gl_WorkGroupID.x * teams_here() + team_here(); }
uint team_stride() { return gl_NumWorkGroups.x * teams_here(); }
#endif
