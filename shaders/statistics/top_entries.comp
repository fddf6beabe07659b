#version 460
#include "statistics/top.glsl"

// The K largest of each group of rows from the rows' own K largest, ties to the lowest row, then the lowest channel; one workgroup per group.
// row_values, row_channels: (groups * group_rows, K)   values, rows, channels: (groups, K)
layout(push_constant) uniform Push { InF32 row_values; InU32 row_channels; OutF32 values; OutU32 rows; OutU32 channels; uint groups, group_rows; } p;

void main() {
  for (uint group = first_row(); group < p.groups; group += row_stride()) {
    const uint start = group * p.group_rows * K;
    top_clear();
    for (uint base = lane(); base < p.group_rows * K; base += 4 * lanes()) {
      float x[4];
      [[unroll]] for (uint j = 0; j < 4; ++j) x[j] = base + j * lanes() < p.group_rows * K ? p.row_values.at[start + base + j * lanes()] : 0.0;
      [[unroll]] for (uint j = 0; j < 4; ++j) {
        const uint i = base + j * lanes();
        if (key_of(x[j]) > top_key[K - 1] && i < p.group_rows * K && p.row_channels.at[start + i] != 0xffffffffu) top_offer(key_of(x[j]), i);
      }
    }
    for (uint j = 0; j < K; ++j) {
      const uvec2 best = top_take();
      const bool found = best.x != TOP_NOTHING;
      if (lane() == 0) {
        p.values.at[group * K + j] = magnitude_of(best.x);
        p.rows.at[group * K + j] = found ? best.y / K : 0xffffffffu;
        p.channels.at[group * K + j] = found ? p.row_channels.at[start + best.y] : 0xffffffffu;
      }
    }
  }
}
