#version 460
#include "common/span.glsl"
#include "statistics/top.glsl"

// The K largest |x| of every row, largest first, ties to the lowest channel; one workgroup per row.   x: (rows, dim)   values, channels: (rows, K)
layout(push_constant) uniform Push { In x; OutF32 values; OutU32 channels; uint rows, dim; } p;

void offer_singles(Span span, uint from, uint to) {
  for (uint n = from + lane(); n < to; n += lanes()) top_offer(key_of(load(p.x, single_of(span, n))), single_of(span, n) - span.start);
}

void offer_groups(Span span) {
  for_groups(base, span) {
    uvec4 keys[4];
    [[unroll]] for (uint j = 0; j < 4; ++j) keys[j] = base + j * lanes() < span.last ? keys_of(load4(p.x, base + j * lanes())) : uvec4(TOP_NOTHING);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const uint place = 4 * (base + j * lanes()) - span.start;
      top_offer(keys[j].x, place);
      top_offer(keys[j].y, place + 1);
      top_offer(keys[j].z, place + 2);
      top_offer(keys[j].w, place + 3);
    }
  }
}

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = span_of(p.x, row * p.dim, p.dim);
    top_clear();
    offer_singles(span, 0, span.head);
    offer_groups(span);
    offer_singles(span, span.head, span.singles);
    for (uint j = 0; j < K; ++j) {
      const uvec2 best = top_take();
      if (lane() == 0) {
        p.values.at[row * K + j] = magnitude_of(best.x);
        p.channels.at[row * K + j] = best.y;
      }
    }
  }
}
