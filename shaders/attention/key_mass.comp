#version 460
#include "attention/common.glsl"
#include "common/reduce.glsl"

// Mean weight on chosen columns, one workgroup per (batch, head, column): over all queries, or (ONLY_CAUSAL) over those that come no earlier.
// keys: (count), columns as numbers, where LISTED; else the first `count`.   y: (batch, heads, count)
// Only the first `queries` queries count.
// PROXY divides each weight's magnitude by its row's sum of magnitudes, which lse then holds, + 1e-8 (Gu et al. 2025 for scores that are not normalised).
layout(constant_id = 5) const uint ONLY_CAUSAL = 0;
layout(constant_id = 6) const uint PROXY = 0;
layout(constant_id = 7) const uint LISTED = 0;
layout(push_constant) uniform Push {
  In q; In k; InF32 lse; In k_bias; InF32 masked; In first_q; InF32 keys; OutF32 y;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale; uint keep_first, count, queries;
} p;
#include "attention/weight.glsl"

void main() {
  for (uint row = first_row(); row < p.batch * p.heads * p.count; row += row_stride()) {
    const uint head = row / p.count % p.heads, batch = row / p.count / p.heads;
    const uint column = LISTED != 0 ? uint(p.keys.at[row % p.count]) : row % p.count;
    const uint first = max(column, LEARNED_COLUMNS) - LEARNED_COLUMNS;
    float sum = 0.0;
    for (uint i = first + lane(); i < p.queries; i += lanes()) {
      const float weight = column_weight(batch, head, i, column);
      sum += PROXY != 0 ? abs(weight) / (p.lse.at[(batch * p.heads + head) * p.tokens + i] + 1e-8) : weight;
    }
    sum = workgroup_sum(sum);
    if (lane() == 0) p.y.at[row] = sum / float(p.queries - (ONLY_CAUSAL != 0 ? first : 0));
  }
}
