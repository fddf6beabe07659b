#version 460
#include "common/span.glsl"

// sum += x, four elements an invocation.   sum, x: (count)
layout(push_constant) uniform Push { InOutF32 sum; InF32 x; uint count; } p;

void main() {
  const Span to = span_of(p.sum, 0, p.count), from = span_of(p.x, 0, p.count);
  for (uint i = first_item(); i < to.last; i += item_stride()) store_span(p.sum, i, to, load_span(p.sum, i, to, 0.0) + load_span(p.x, i, from, 0.0));
}
