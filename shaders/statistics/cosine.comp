#version 460
#include "common/reduce.glsl"
#include "common/span.glsl"

// Cosine of the angle between a row of a and a row of b, one workgroup per pair; 0 where one is the zero vector, NaN where an index is outside.
// Pair i is a_rows[i], b_rows[i], or with `columns` a_rows[i / columns], b_rows[i % columns].
// a: (a_count, dim)   b: (b_count, dim)   a_rows, b_rows: chosen rows   cosine, norm_a, norm_b: (pairs); the norms may be null
layout(push_constant) uniform Push {
  In a; In b; InU32 a_rows; InU32 b_rows; OutF32 cosine; OutF32 norm_a; OutF32 norm_b;
  uint pairs, columns, dim, a_count, b_count;
} p;

// Sums of a^2, b^2 and a b.
vec3 products(uint row_a, uint row_b) {
  const Span of_a = row_span_of(p.a, row_a, p.dim), of_b = row_span_of(p.b, row_b, p.dim);
  const uint fours = of_a.singles == 0 && of_b.singles == 0 ? p.dim / 4 : 0;
  vec3 sum = vec3(0.0);
  for (uint i = lane(); i < fours; i += lanes()) {
    const vec4 a = load4(p.a, of_a.first + i), b = load4(p.b, of_b.first + i);
    sum += vec3(dot(a, a), dot(b, b), dot(a, b));
  }
  for (uint i = 4 * fours + lane(); i < p.dim; i += lanes()) {
    const float a = load(p.a, of_a.start + i), b = load(p.b, of_b.start + i);
    sum += vec3(a * a, b * b, a * b);
  }
  return vec3(workgroup_sum(sum.x), workgroup_sum(sum.y), workgroup_sum(sum.z));
}

void main() {
  for (uint pair = first_row(); pair < p.pairs; pair += row_stride()) {
    const uint row_a = p.a_rows.at[p.columns == 0 ? pair : pair / p.columns], row_b = p.b_rows.at[p.columns == 0 ? pair : pair % p.columns];
    const bool inside = row_a < p.a_count && row_b < p.b_count;
    vec3 sums = products(inside ? row_a : 0, inside ? row_b : 0);
    if (!inside) sums = vec3(uintBitsToFloat(0x7fc00000u));
    const float norms = sqrt(sums.x) * sqrt(sums.y);
    if (lane() == 0) {
      p.cosine.at[pair] = norms == 0.0 ? 0.0 : sums.z / norms;
      if (!is_null(p.norm_a)) p.norm_a.at[pair] = sqrt(sums.x);
      if (!is_null(p.norm_b)) p.norm_b.at[pair] = sqrt(sums.y);
    }
  }
}
