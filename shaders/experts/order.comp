#version 460
#include "common/reduce.glsl"

// Slots (a token's j-th expert is slot token * chosen + j) by expert, in order: expert e has order[starts[e]] to order[starts[e + 1] - 1].
// picked, order: (slots)   starts: (experts + 1)
layout(push_constant) uniform Push { InU32 picked; OutU32 order; OutU32 starts; uint slots, experts; } p;

void main() {
  for (uint e = first_row(); e < p.experts; e += row_stride()) {
    uint below = 0, total;
    for (uint s = lane(); s < p.slots; s += LANES) below += uint(p.picked.at[s] < e);
    uint place = workgroup_sum(below);
    if (lane() == 0) p.starts.at[e] = place;
    for (uint first = 0; first < p.slots; first += LANES) {
      const uint s = first + lane();
      const bool own = s < p.slots && p.picked.at[min(s, p.slots - 1)] == e;
      const uint before = workgroup_before(uint(own), total);
      if (own) p.order.at[place + before] = s;
      place += total;
    }
    if (lane() == 0 && e == p.experts - 1) p.starts.at[p.experts] = place;
  }
}
