#version 460
#include "statistics/massive.glsl"

// How many entries of each row are massive, one workgroup per row, and how many of each channel: whole numbers, so the order of the atomics does not matter.
// x: (rows, dim)   medians: (groups)   row_counts: (rows)   channel_counts: (dim), zero before
layout(push_constant) uniform Push {
  In x; InF32 medians; OutU32 row_counts; InOutU32 channel_counts;
  uint rows, dim, group_rows;
  float threshold, ratio;
} p;

uint count_entry(float x, uint channel, float least) {
  if (!is_massive(x, p.threshold, least)) return 0;
  atomicAdd(p.channel_counts.at[channel], 1);
  return 1;
}

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = span_of(p.x, row * p.dim, p.dim);
    const float least = p.ratio * p.medians.at[row / p.group_rows];
    uint count = 0;
    for_singles(i, span) count += count_entry(load(p.x, i), i - span.start, least);
    for_groups(base, span) {
      vec4 x[4];
      load_groups(p.x, base, span, 0.0, x);
      [[unroll]] for (uint j = 0; j < 4; ++j) {
        const uint channel = 4 * (base + j * lanes()) - span.start;
        count += count_entry(x[j].x, channel, least) + count_entry(x[j].y, channel + 1, least) + count_entry(x[j].z, channel + 2, least) +
                 count_entry(x[j].w, channel + 3, least);
      }
    }
    count = workgroup_sum(count);
    if (lane() == 0) p.row_counts.at[row] = count;
  }
}
