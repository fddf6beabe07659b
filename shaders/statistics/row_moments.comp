#version 460
#include "common/reduce.glsl"

// Of every row x - its mean: the sums of squares, cubes and fourth powers, beside the mean and the largest magnitude; a workgroup per row. A NaN is the largest.
// x: (rows, dim)   moments: (rows, 5)
layout(push_constant) uniform Push { In x; OutF32 moments; uint rows, dim; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    float sum = 0.0;
    uint largest = 0;
    for (uint i = lane(); i < p.dim; i += lanes()) {
      const float x = load(p.x, row * p.dim + i);
      sum += x;
      largest = max(largest, floatBitsToUint(x) & 0x7fffffffu);
    }
    const float mean = workgroup_sum(sum) / float(p.dim);
    vec3 powers = vec3(0.0);
    for (uint i = lane(); i < p.dim; i += lanes()) {
      const float d = load(p.x, row * p.dim + i) - mean;
      powers += vec3(d * d, d * d * d, (d * d) * (d * d));
    }
    powers = vec3(workgroup_sum(powers.x), workgroup_sum(powers.y), workgroup_sum(powers.z));
    largest = workgroup_max(largest);
    if (lane() != 0) continue;
    p.moments.at[5 * row] = mean;
    p.moments.at[5 * row + 1] = powers.x;
    p.moments.at[5 * row + 2] = powers.y;
    p.moments.at[5 * row + 3] = powers.z;
    p.moments.at[5 * row + 4] = uintBitsToFloat(largest);
  }
}
