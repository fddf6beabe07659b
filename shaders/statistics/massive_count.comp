#version 460
#include "statistics/massive.glsl"

// How many entries of each row are massive, one workgroup per row.   x: (rows, dim)   medians: (groups)   counts: (rows)
layout(push_constant) uniform Push { In x; InF32 medians; OutU32 counts; uint rows, dim, group_rows; float threshold, ratio; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = span_of(p.x, row * p.dim, p.dim);
    const float least = p.ratio * p.medians.at[row / p.group_rows];
    uint count = 0;
    for (uint base = span.first + lane(); base < span.last; base += 4 * lanes()) {
      vec4 x[4];
      [[unroll]] for (uint j = 0; j < 4; ++j) x[j] = load_span(p.x, base + j * lanes(), span, 0.0);
      [[unroll]] for (uint j = 0; j < 4; ++j)
        count += uint(is_massive(x[j].x, p.threshold, least)) + uint(is_massive(x[j].y, p.threshold, least)) + uint(is_massive(x[j].z, p.threshold, least)) +
                 uint(is_massive(x[j].w, p.threshold, least));
    }
    count = workgroup_sum(count);
    if (lane() == 0) p.counts.at[row] = count;
  }
}
