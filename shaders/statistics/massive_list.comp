#version 460
#include "statistics/massive.glsl"

// Lists the first massive entries by row, then channel, one workgroup per row. A row's place in the list is the number of those in earlier rows; the few of a
// row are found one after another. Row 0's workgroup also writes the total and clears the rest of the list.
// x: (rows, dim)   medians: (groups)   counts: (rows)   total: (1)   list_rows, list_channels, list_values: (listed)
layout(push_constant) uniform Push {
  In x; InF32 medians; InU32 counts; OutU32 total; OutU32 list_rows; OutU32 list_channels; OutF32 list_values;
  uint rows, dim, group_rows, listed;
  float threshold, ratio;
} p;

const uint NONE = 0xffffffffu;

uint massive_before(uint row) {
  uint count = 0;
  for (uint i = lane(); i < row; i += lanes()) count += p.counts.at[i];
  return workgroup_sum(count);
}

void write_entry(uint at, uint row, uint channel, float value) {
  p.list_rows.at[at] = row;
  p.list_channels.at[at] = channel;
  p.list_values.at[at] = value;
}

// The first massive channel of the row at or after `first`.
uint next_massive(uint row, uint first, float least) {
  for (uint base = first; base < p.dim; base += lanes()) {
    const uint i = base + lane();
    const bool hit = i < p.dim && is_massive(load(p.x, row * p.dim + min(i, p.dim - 1)), p.threshold, least);
    const uint found = workgroup_min(hit ? i : NONE);
    if (found != NONE) return found;
  }
  return NONE;
}

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    if (row == 0) {
      const uint total = massive_before(p.rows);
      if (lane() == 0) p.total.at[0] = total;
      for (uint i = total + lane(); i < p.listed; i += lanes()) write_entry(i, NONE, NONE, 0.0);
    }
    const uint count = p.counts.at[row];
    if (count == 0) continue;
    const uint before = massive_before(row);
    const float least = p.ratio * p.medians.at[row / p.group_rows];
    uint channel = 0;
    for (uint n = before; n < min(before + count, p.listed); ++n) {
      channel = next_massive(row, channel, least);
      if (lane() == 0) write_entry(n, row, channel, load(p.x, row * p.dim + channel));
      ++channel;
    }
  }
}
