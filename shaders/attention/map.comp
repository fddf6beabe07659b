#version 460
#include "attention/common.glsl"

// Every weight, one invocation each; zero where a query does not see a key.   y: (batch, heads, tokens, columns)
layout(push_constant) uniform Push {
  In q; In k; InF32 lse; In k_bias; InF32 masked; In first_q; OutF32 y;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale; uint keep_first;
} p;
#include "attention/weight.glsl"

void main() {
  const uint columns = p.tokens + LEARNED_COLUMNS;
  for (uint item = first_item(); item < p.batch * p.heads * p.tokens * columns; item += item_stride()) {
    const uint row = item / columns, i = row % p.tokens, head = row / p.tokens % p.heads, batch = row / p.tokens / p.heads;
    p.y.at[item] = column_weight(batch, head, i, item % columns);
  }
}
