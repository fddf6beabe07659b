#version 460
#include "quantize/exact.glsl"

// 1 for a column of a sequence that has an |x| of `least` or more at some token, 0 elsewhere.   x: (sequences, time, dim)   columns: (sequences, dim), `count` elements
layout(push_constant) uniform Push { In x; OutF32 columns; uint count, time, dim, except_tokens; float least; } p;

void main() {
  for (uint i = first_item(); i < p.count; i += item_stride()) {
    uint largest = 0;
    for (uint t = p.except_tokens; t < p.time; ++t)
      largest = max(largest, floatBitsToUint(magnitude(load(p.x, (i / p.dim * p.time + t) * p.dim + i % p.dim))));
    p.columns.at[i] = largest >= floatBitsToUint(p.least) ? 1.0 : 0.0;
  }
}
