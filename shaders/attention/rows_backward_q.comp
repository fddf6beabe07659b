#version 460
#include "attention/rows.glsl"

// Gradient of the queries, ROWS queries a lane, and delta, the inner product of each query's output with its gradient, which the other passes need. That of a
// clipped softmax, whose output has lost what was clipped, is summed over the keys first.
// Shapes as in rows_forward; dy, dq like y; delta like lse.
layout(push_constant) uniform Push {
  In q; In k; In v; In y; In dy; InF32 lse; OutF32 delta; Out dq; In k_bias; In v_bias;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

float q[ROWS * HEAD_DIM], dy[ROWS * HEAD_DIM], dq[ROWS * HEAD_DIM], lse[ROWS], delta[ROWS];
uint batch, head, kv_head, first;

uint query_of(uint r, uint owner) { return first + r * LANES + owner; }
uint query_start(uint r, uint owner) { return ((batch * p.tokens + min(query_of(r, owner), p.tokens - 1)) * p.heads + head) * HEAD_DIM; }
bool exists(uint r, uint owner) { return query_of(r, owner) < p.tokens; }
float factor(uint r) { return p.scale; }

void start() {
  LOAD_VECTORS(q, Words(p.q), query_start, p.scale)
  LOAD_VECTORS(dy, Words(p.dy), query_start, 1.0)
  for (uint owner = 0; owner < LANES; ++owner)
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {
      float mine = 0.0;
      for (uint d = lane(); d < HEAD_DIM; d += LANES) mine = fma(load(p.dy, query_start(r, owner) + d), load(p.y, query_start(r, owner) + d), mine);
      const float total = subgroupAdd(mine);
      if (lane() == owner) delta[r] = total;
    }
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint statistic = (batch * p.heads + head) * p.tokens + min(query_of(r, lane()), p.tokens - 1);
    lse[r] = p.lse.at[statistic];
    if (SCORE == CLIPPED_SOFTMAX) delta[r] = 0.0;
    [[unroll]] for (uint d = 0; d < HEAD_DIM; ++d) dq[r * HEAD_DIM + d] = 0.0;
  }
}

void store_deltas() {
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    if (exists(r, lane())) p.delta.at[(batch * p.heads + head) * p.tokens + query_of(r, lane())] = delta[r];
}

// Of a key and value to the deltas, or, once these are known, to the gradients.
void add_key(bool to_deltas, Words k, Words v, bool has_value, uint at, uint dtype, bool always, uint j) {
  float k_part[PARTS], v_part[PARTS], score[ROWS], dweight[ROWS];
  [[unroll]] for (uint n = 0; n < PARTS; ++n) k_part[n] = load_part(k, at, n, dtype);
  [[unroll]] for (uint r = 0; r < ROWS; ++r) score[r] = dweight[r] = 0.0;
  FOR_CHANNELS(k_part, score[r] = fma(q[r * HEAD_DIM + d], x, score[r]))
  if (has_value) {
    [[unroll]] for (uint n = 0; n < PARTS; ++n) v_part[n] = load_part(v, at, n, dtype);
    FOR_CHANNELS(v_part, dweight[r] = fma(dy[r * HEAD_DIM + d], x, dweight[r]))
  }
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint i = query_of(r, lane());
    const bool seen = always || is_visible(i, j, p.window, p.masked_key);
    const float bent = capped(score[r]);
    if (to_deltas) delta[r] += seen ? delta_of(bent, lse[r], dweight[r]) : 0.0;
    else score[r] = seen ? uncapped_gradient(score_gradient(bent, lse[r], weight_of(bent, lse[r], i), dweight[r], delta[r], i), bent) : 0.0;
  }
  if (to_deltas) return;
  FOR_CHANNELS(k_part, dq[r * HEAD_DIM + d] = fma(score[r], x, dq[r * HEAD_DIM + d]))
}

void add_keys(bool to_deltas) {
  if (LEARNED != 0) add_key(to_deltas, Words(p.k_bias), Words(p.v_bias), LEARNED == 2, kv_head * HEAD_DIM, BIAS_TYPE, true, 0);
  for (uint j = first_key(first, p.window); j < min(first + LANES * ROWS, p.tokens); ++j)
    add_key(to_deltas, Words(p.k), Words(p.v), true, ((batch * p.tokens + j) * p.kv_heads + kv_head) * HEAD_DIM, DTYPE, false, j);
}

void main() {
  const uint per_group = LANES * ROWS, blocks = (p.tokens + per_group - 1) / per_group;
  for (uint row = first_row(); row < p.batch * p.heads * blocks; row += row_stride()) {
    first = row % blocks * per_group;
    head = row / blocks % p.heads;
    batch = row / blocks / p.heads;
    kv_head = head / (p.heads / p.kv_heads);
    start();
    if (SCORE == CLIPPED_SOFTMAX) add_keys(true);
    store_deltas();
    add_keys(false);
    STORE_VECTORS(dq, Words(p.dq), query_start, exists, factor)
  }
}
