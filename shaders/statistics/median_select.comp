#version 460
#include "common/kernel.glsl"

// Which value of the digit holds the wanted rank: the prefix grows by the digit, the rank becomes that among the entries of the longer prefix. After the
// last digit the prefix is the bit pattern of the result. One workgroup per group.
// counts: (groups, BINS)   before, after: (groups, 2), prefix and rank   result: (groups), the prefix as a float; may be null
const uint BINS = 2048;
layout(push_constant) uniform Push { InU32 counts; InU32 before; OutU32 after; OutF32 result; uint groups, bits; } p;

shared uint bins[BINS];
shared uint totals[1024];  // of each lane's share of the bins

void main() {
  const uint share = (BINS + lanes() - 1) / lanes();
  for (uint group = first_row(); group < p.groups; group += row_stride()) {
    for (uint i = lane(); i < BINS; i += lanes()) bins[i] = p.counts.at[group * BINS + i];
    barrier();
    totals[lane()] = 0;
    for (uint i = lane() * share; i < min((lane() + 1) * share, BINS); ++i) totals[lane()] += bins[i];
    barrier();
    if (lane() == 0) {
      uint rank = p.before.at[2 * group + 1], owner = 0;
      while (rank >= totals[owner]) rank -= totals[owner++];
      uint bin = owner * share;
      while (rank >= bins[bin]) rank -= bins[bin++];
      const uint longer = p.before.at[2 * group] << p.bits | bin;
      p.after.at[2 * group] = longer;
      p.after.at[2 * group + 1] = rank;
      if (!is_null(p.result)) p.result.at[group] = uintBitsToFloat(longer);
    }
    barrier();
  }
}
