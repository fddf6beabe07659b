#version 460
#include "attention/common.glsl"

// The weight of every query on one column.   y: (batch, heads, tokens)
layout(push_constant) uniform Push {
  In q; In k; InF32 lse; In k_bias; InF32 masked; In first_q; OutF32 y;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale; uint keep_first, key;
} p;
#include "attention/weight.glsl"

void main() {
  for (uint item = first_item(); item < p.batch * p.heads * p.tokens; item += item_stride()) {
    const uint i = item % p.tokens, head = item / p.tokens % p.heads, batch = item / p.tokens / p.heads;
    p.y.at[item] = p.key <= i + LEARNED_COLUMNS ? column_weight(batch, head, i, p.key) : 0.0;
  }
}
