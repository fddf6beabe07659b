#version 460
#include "statistics/massive.glsl"

// How many entries of each row are massive, one workgroup per row.   x: (rows, dim)   medians: (groups)   counts: (rows)
layout(push_constant) uniform Push { In x; InF32 medians; OutU32 counts; uint rows, dim, group_rows; float threshold, ratio; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = span_of(p.x, row * p.dim, p.dim);
    const float least = p.ratio * p.medians.at[row / p.group_rows];
    uint count = 0;
    for_singles(i, span) count += uint(is_massive(load(p.x, i), p.threshold, least));
    for_groups(base, span) {
      vec4 x[4];
      load_groups(p.x, base, span, 0.0, x);
      [[unroll]] for (uint j = 0; j < 4; ++j)
        count += uint(is_massive(x[j].x, p.threshold, least)) + uint(is_massive(x[j].y, p.threshold, least)) + uint(is_massive(x[j].z, p.threshold, least)) +
                 uint(is_massive(x[j].w, p.threshold, least));
    }
    count = workgroup_sum(count);
    if (lane() == 0) p.counts.at[row] = count;
  }
}
