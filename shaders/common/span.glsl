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
// The groups that are whole: those before are cut (elements from `start` to 4 * x), those after too (from max(4 * y, start) on). If there are none, x = y
// and all elements come after.
uvec2 whole_groups(Span span) {
  const uint first = (span.start + 3) / 4, last = span.end / 4;
  return span.aligned && first < last ? uvec2(first, last) : uvec2(span.start / 4);
}
bool is_inside(Span span, uint i) { return i >= span.start && i < span.end; }

float load_inside(Words p, uint i, Span span, float fill) { return is_inside(span, i) ? load(p, i) : fill; }
void store_inside(Words p, uint i, Span span, float x) {
  if (is_inside(span, i)) store(p, i, x);
}

// Elements outside the span (whole groups may be) come back as `fill`.
vec4 load_span_as(Words p, uint group, Span span, float fill) {
  if (is_whole(span, group)) return load4(p, group);
  const uint i = 4 * group;
  return vec4(load_inside(p, i, span, fill), load_inside(p, i + 1, span, fill), load_inside(p, i + 2, span, fill), load_inside(p, i + 3, span, fill));
}

void store_span_as(Words p, uint group, Span span, vec4 x) {
  if (is_whole(span, group)) {
    store4(p, group, x);
    return;
  }
  const uint i = 4 * group;
  store_inside(p, i, span, x.x);
  store_inside(p, i + 1, span, x.y);
  store_inside(p, i + 2, span, x.z);
  store_inside(p, i + 3, span, x.w);
}

#define span_of(p, start, count) span_at(Words(p), start, count)
#define load_span(p, group, span, fill) load_span_as(Words(p), group, span, fill)
#define store_span(p, group, span, x) store_span_as(Words(p), group, span, x)
#endif
