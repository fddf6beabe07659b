#version 460
#include "common/reduce.glsl"
#include "common/span.glsl"

// norms[row] = sqrt(sum of x[row]^2), one workgroup per row.   x: (rows, dim)   norms: (rows)
layout(push_constant) uniform Push { In x; OutF32 norms; uint rows, dim; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = row_span_of(p.x, row, p.dim);
    vec4 sum = vec4(0.0);
    for_singles(i, span) sum.x += sq(load(p.x, i));
    for_groups(base, span) {
      vec4 x[4];
      load_groups(p.x, base, span, 0.0, x);
      [[unroll]] for (uint j = 0; j < 4; ++j) sum += x[j] * x[j];
    }
    const float total = workgroup_sum((sum.x + sum.y) + (sum.z + sum.w));
    if (lane() == 0) p.norms.at[row] = sqrt(total);
  }
}
