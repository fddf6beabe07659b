#version 460
#include "common/reduce.glsl"

// One range of `joined` after one another, a workgroup each.   ranges: (groups * joined, 2)   wide: (groups, 2)
layout(push_constant) uniform Push { InF32 ranges; OutF32 wide; uint groups, joined; } p;

void main() {
  for (uint g = first_row(); g < p.groups; g += row_stride()) {
    uint least = order_of(uintBitsToFloat(0x7f800000u)), most = order_of(uintBitsToFloat(0xff800000u));
    for (uint i = lane(); i < p.joined; i += lanes()) {
      least = min(least, order_of(p.ranges.at[2 * (g * p.joined + i)]));
      most = max(most, order_of(p.ranges.at[2 * (g * p.joined + i) + 1]));
    }
    least = workgroup_min(least), most = workgroup_max(most);
    if (lane() != 0) continue;
    p.wide.at[2 * g] = number_at(least);
    p.wide.at[2 * g + 1] = number_at(most);
  }
}
