#version 460
#include "common/reduce.glsl"
#include "quantize/groups.glsl"

// As quantize/ranges, of runs whose elements are `inner` apart; an invocation per run.   x: (outer, along, inner), as (sequences * time, dim) too   ranges: (runs, 2)
layout(push_constant) uniform Push { In x; InF32 columns; OutF32 ranges; uint runs, along, inner, run, dim, time, except_tokens; } p;

void main() {
  const uint each = runs_in(p.along, p.run);
  for (uint r = first_item(); r < p.runs; r += item_stride()) {
    const uint before = r / p.inner % each * p.run, count = min(p.run, p.along - before);
    const uint first = (r / p.inner / each * p.along + before) * p.inner + r % p.inner;
    uint least = order_of(uintBitsToFloat(0x7f800000u)), most = order_of(uintBitsToFloat(0xff800000u));
    for (uint e = 0; e < count; ++e) {
      const uint i = first + e * p.inner;
      if (is_first_token(i, p) || in_kept_column(i, p)) continue;
      const uint x = order_of(load(p.x, i));
      least = min(least, x), most = max(most, x);
    }
    p.ranges.at[2 * r] = number_at(least);
    p.ranges.at[2 * r + 1] = number_at(most);
  }
}
