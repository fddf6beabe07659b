#version 460
#include "common/span.glsl"
#include "statistics/top.glsl"

// The K largest |x| of every row, largest first, ties to the lowest channel; one workgroup per row.   x: (rows, dim)   values, channels: (rows, K)
layout(push_constant) uniform Push { In x; OutF32 values; OutU32 channels; uint rows, dim; } p;

void offer_elements(uint begin, uint end, uint start) {
  for (uint i = begin + lane(); i < end; i += lanes()) top_offer(key_of(load(p.x, i)), i - start);
}

void offer_groups(uint first, uint last, uint start) {
  for (uint base = first + lane(); base < last; base += 4 * lanes()) {
    uvec4 keys[4];
    [[unroll]] for (uint j = 0; j < 4; ++j) keys[j] = base + j * lanes() < last ? keys_of(load4(p.x, base + j * lanes())) : uvec4(TOP_NOTHING);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const uint place = 4 * (base + j * lanes()) - start;
      top_offer(keys[j].x, place);
      top_offer(keys[j].y, place + 1);
      top_offer(keys[j].z, place + 2);
      top_offer(keys[j].w, place + 3);
    }
  }
}

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const uint start = row * p.dim, end = start + p.dim;
    const uvec2 whole = whole_groups(span_of(p.x, start, p.dim));
    top_clear();
    offer_elements(start, 4 * whole.x, start);
    offer_groups(whole.x, whole.y, start);
    offer_elements(max(4 * whole.y, start), end, start);
    for (uint j = 0; j < K; ++j) {
      const uvec2 best = top_take();
      if (lane() == 0) {
        p.values.at[row * K + j] = magnitude_of(best.x);
        p.channels.at[row * K + j] = best.y;
      }
    }
  }
}
