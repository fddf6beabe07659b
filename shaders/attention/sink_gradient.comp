#version 460
#include "attention/common.glsl"

// Partial gradients of the sink logits, one invocation per (batch, chunk, head): a sink's value is zero, so that its score's gradient is
// -weight * delta.   lse, delta: (batch, heads, tokens)   sinks: (heads)   partial: (batch * chunks, heads)
layout(push_constant) uniform Push { InF32 lse; InF32 delta; InF32 sinks; OutF32 partial; uint batch, tokens, heads, chunks; } p;

void main() {
  const uint per_chunk = (p.tokens + p.chunks - 1) / p.chunks;
  for (uint item = first_item(); item < p.batch * p.chunks * p.heads; item += item_stride()) {
    const uint head = item % p.heads, chunk = item / p.heads % p.chunks, batch = item / p.heads / p.chunks;
    const uint at = (batch * p.heads + head) * p.tokens;
    float sum = 0.0;
    for (uint i = chunk * per_chunk; i < min((chunk + 1) * per_chunk, p.tokens); ++i)
      sum -= exp(p.sinks.at[head] - p.lse.at[at + i]) * p.delta.at[at + i];
    p.partial.at[item] = sum;
  }
}
