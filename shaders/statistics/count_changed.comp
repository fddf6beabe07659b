#version 460
#include "common/reduce.glsl"

// counts[row] = entries of the row that differ in value, one workgroup per row.   a, b: (rows, dim)   counts: (rows)
layout(push_constant) uniform Push { In a; In b; OutU32 counts; uint rows, dim; } p;

// By their bits, which no compiler takes for equal because they compare so: +0 and -0 are one value.
bool differs(float a, float b) {
  const uint x = floatBitsToUint(a), y = floatBitsToUint(b);
  return x != y && ((x | y) << 1) != 0u;
}

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    float count = 0.0;  // exact to 2^24 entries
    for (uint c = lane(); c < p.dim; c += lanes())
      if (differs(load(p.a, row * p.dim + c), load(p.b, row * p.dim + c))) count += 1.0;
    const float total = workgroup_sum(count);
    if (lane() == 0) p.counts.at[row] = uint(total);
  }
}
