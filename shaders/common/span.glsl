// A run of elements that may start and end anywhere, walked in groups of four that start at multiples of four: whole groups are one load, the first and
// the last may be cut.
#ifndef ABLATE_SPAN_GLSL
#define ABLATE_SPAN_GLSL
#include "common/kernel.glsl"

struct Span {
  uint start, end;   // elements
  uint first, last;  // groups
  bool aligned;      // whether the tensor itself starts at a multiple of four elements
};

Span span_at(Words p, uint start, uint count) {
  return Span(start, start + count, start / 4, (start + count + 3) / 4, (uvec2(p).x & (DTYPE == DTYPE_F32 ? 15u : 7u)) == 0);
}

bool is_whole(Span span, uint group) { return span.aligned && 4 * group >= span.start && 4 * group + 4 <= span.end; }
bool is_inside(Span span, uint i) { return i >= span.start && i < span.end; }

// Elements outside the span (whole groups may be) come back as `fill`.
vec4 load_span_as(Words p, uint group, Span span, float fill) {
  if (is_whole(span, group)) return load4(p, group);
  vec4 x = vec4(fill);
  [[unroll]] for (uint j = 0; j < 4; ++j)
    if (is_inside(span, 4 * group + j)) x[j] = load(p, 4 * group + j);
  return x;
}

void store_span_as(Words p, uint group, Span span, vec4 x) {
  if (is_whole(span, group)) {
    store4(p, group, x);
    return;
  }
  [[unroll]] for (uint j = 0; j < 4; ++j)
    if (is_inside(span, 4 * group + j)) store(p, 4 * group + j, x[j]);
}

#define span_of(p, start, count) span_at(Words(p), start, count)
#define load_span(p, group, span, fill) load_span_as(Words(p), group, span, fill)
#define store_span(p, group, span, x) store_span_as(Words(p), group, span, x)
#endif
