#version 460
#include "common/reduce.glsl"

// As quantize/ranges, of runs whose elements are `inner` apart; an invocation per run.   x: (outer, along, inner), as (sequences * time, dim) too   ranges: (runs, 2)
layout(push_constant) uniform Push { In x; InF32 columns; OutF32 ranges; uint runs, along, inner, run, dim, time, except_tokens; } p;
#include "quantize/range.glsl"

void main() {
  const uint each = runs_in(p.along, p.run);
  for (uint r = first_item(); r < p.runs; r += item_stride()) {
    const uint before = r / p.inner % each * p.run, count = min(p.run, p.along - before);
    const uint first = (r / p.inner / each * p.along + before) * p.inner + r % p.inner;
    Range range = empty_range();
    for (uint e = 0; e < count; ++e) count_in(range, first + e * p.inner, load(p.x, first + e * p.inner));
    put_range(r, range);
  }
}
