// The weight of any query on any column of the full map, recomputed from q, k and the log-sum-exp. Included after a push-constant block p with
// q, k, lse, k_bias, masked, first_q, batch, tokens, heads, kv_heads, window, masked_key, scale, keep_first.   q: (batch, tokens, heads * HEAD_DIM)
// k: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   k_bias: (kv_heads, HEAD_DIM), where LEARNED
// masked: (heads, tokens), see is_masked(). Columns: the learned key, if there is one, then the tokens.
#include "attention/kept_first.glsl"
#include "attention/softcap.glsl"

float inner_product(Words a, uint a_at, uint a_type, Words b, uint b_at, uint b_type) {
  float sum = 0.0;
  if (HEAD_DIM % 4 == 0) {
    for (uint d = 0; d < HEAD_DIM / 4; ++d) sum += dot(load4_as(a, a_at / 4 + d, a_type), load4_as(b, b_at / 4 + d, b_type));
  } else {
    for (uint d = 0; d < HEAD_DIM; ++d) sum = fma(load_as(a, a_at + d, a_type), load_as(b, b_at + d, b_type), sum);
  }
  return sum;
}

layout(constant_id = 14) const uint KEEPS_FIRST = 0;  // queries, as first_q has them, see first keys outside the window

const uint LEARNED_COLUMNS = LEARNED == 0 ? 0 : 1;

float column_weight(uint batch, uint head, uint i, uint column) {
  const uint kv_head = head / (p.heads / p.kv_heads), q_at = ((batch * p.tokens + i) * p.heads + head) * HEAD_DIM;
  const float lse = p.lse.at[(batch * p.heads + head) * p.tokens + i];
  if (LEARNED != 0 && column == 0)
    return weight_of(capped(p.scale * inner_product(Words(p.q), q_at, DTYPE, Words(p.k_bias), kv_head * HEAD_DIM, BIAS_TYPE)), lse, i);
  const uint j = column - LEARNED_COLUMNS;
  const bool kept = KEEPS_FIRST != 0 && is_kept_first(i, j, p.window, p.keep_first, p.masked_key);
  if (!(kept || is_visible(i, j, p.window, p.masked_key)) || is_masked(p.masked, head, p.tokens, i, j)) return 0.0;
  const uint k_at = ((batch * p.tokens + j) * p.kv_heads + kv_head) * HEAD_DIM;
  if (kept) return weight_of(capped(p.scale * inner_product(Words(p.first_q), q_at, DTYPE, Words(p.k), k_at, DTYPE)), lse, i);
  return weight_of(capped(p.scale * inner_product(Words(p.q), q_at, DTYPE, Words(p.k), k_at, DTYPE)), lse, i);
}
