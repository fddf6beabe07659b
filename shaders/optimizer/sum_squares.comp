#version 460
#include "common/reduce.glsl"
#include "common/span.glsl"

// partial[c] = sum of x^2 over chunk c, one workgroup per chunk.   x: (count)   partial: (chunks)
layout(push_constant) uniform Push { InF32 x; OutF32 partial; uint count, chunks, per_chunk; } p;

void main() {
  for (uint chunk = first_row(); chunk < p.chunks; chunk += row_stride()) {
    const uint start = chunk * p.per_chunk;
    const Span span = span_of(p.x, start, min(p.per_chunk, p.count - start));
    vec4 sum = vec4(0.0);
    for_singles(i, span) sum.x += sq(p.x.at[i]);
    for_groups(base, span) {
      vec4 x[4];
      load_groups(p.x, base, span, 0.0, x);
      [[unroll]] for (uint j = 0; j < 4; ++j) sum += x[j] * x[j];
    }
    const float total = workgroup_sum((sum.x + sum.y) + (sum.z + sum.w));
    if (lane() == 0) p.partial.at[chunk] = total;
  }
}
