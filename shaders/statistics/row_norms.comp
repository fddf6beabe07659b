#version 460
#include "common/reduce.glsl"
#include "common/span.glsl"

// norms[row] = sqrt(sum of x[row]^2), one workgroup per row.   x: (rows, dim)   norms: (rows)
layout(push_constant) uniform Push { In x; OutF32 norms; uint rows, dim; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const Span span = span_of(p.x, row * p.dim, p.dim);
    vec4 sum = vec4(0.0);
    for (uint base = span.first + lane(); base < span.last; base += 4 * lanes()) {
      vec4 x[4];
      [[unroll]] for (uint j = 0; j < 4; ++j) x[j] = load_span(p.x, base + j * lanes(), span, 0.0);
      [[unroll]] for (uint j = 0; j < 4; ++j) sum += x[j] * x[j];
    }
    const float total = workgroup_sum((sum.x + sum.y) + (sum.z + sum.w));
    if (lane() == 0) p.norms.at[row] = sqrt(total);
  }
}
