#version 460
#include "common/kernel.glsl"

// c[i] = sum over s of partial[s][i], in order of s (+ bias[i % n] + residual[i]): the second half of a product whose K was split.
layout(push_constant) uniform Push { InF32 partial; In residual; InF32 bias; Out c; uint size, splits, n; } p;

void main() {
  for (uint i = first_item(); i < p.size; i += item_stride()) {
    float sum = 0.0;
    for (uint s = 0; s < p.splits; ++s) sum += p.partial.at[s * p.size + i];
    if (!is_null(p.bias)) sum += p.bias.at[i % p.n];
    if (!is_null(p.residual)) sum += load(p.residual, i);
    store(p.c, i, sum);
  }
}
