#version 460
#include "attention/rows.glsl"

// Gradients of the keys and values, ROWS keys a lane, over the queries of all heads that share them.   Shapes as in rows_backward_q; dk, dv like k, v.
layout(push_constant) uniform Push {
  In q; In k; In v; In dy; InF32 lse; InF32 delta; Out dk; Out dv;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

float k[ROWS * HEAD_DIM], v[ROWS * HEAD_DIM], dk[ROWS * HEAD_DIM], dv[ROWS * HEAD_DIM];
uint batch, kv_head, first;

uint key_of(uint r, uint owner) { return first + r * LANES + owner; }
uint key_start(uint r, uint owner) { return ((batch * p.tokens + min(key_of(r, owner), p.tokens - 1)) * p.kv_heads + kv_head) * HEAD_DIM; }
bool exists(uint r, uint owner) { return key_of(r, owner) < p.tokens; }
float scale_factor(uint r) { return p.scale; }
float no_factor(uint r) { return 1.0; }

void add_query(uint head, uint i) {
  const uint at = ((batch * p.tokens + i) * p.heads + head) * HEAD_DIM, statistic = (batch * p.heads + head) * p.tokens + i;
  const float lse = p.lse.at[statistic], delta = p.delta.at[statistic];
  float q_part[PARTS], dy_part[PARTS], weight[ROWS], dscore[ROWS];
  [[unroll]] for (uint n = 0; n < PARTS; ++n) {
    q_part[n] = load_part(Words(p.q), at, n, DTYPE);
    dy_part[n] = load_part(Words(p.dy), at, n, DTYPE);
  }
  [[unroll]] for (uint r = 0; r < ROWS; ++r) weight[r] = dscore[r] = 0.0;
  FOR_CHANNELS(q_part, weight[r] = fma(k[r * HEAD_DIM + d], x, weight[r]))
  FOR_CHANNELS(dy_part, dscore[r] = fma(v[r * HEAD_DIM + d], x, dscore[r]))
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const bool seen = is_visible(i, key_of(r, lane()), p.window, p.masked_key);
    const float score = capped(weight[r]);
    weight[r] = seen ? weight_of(score, lse, i) : 0.0;
    dscore[r] = seen ? uncapped_gradient(score_gradient(score, lse, weight[r], dscore[r], delta, i), score) : 0.0;
  }
  FOR_CHANNELS(dy_part, dv[r * HEAD_DIM + d] = fma(weight[r], x, dv[r * HEAD_DIM + d]))
  FOR_CHANNELS(q_part, dk[r * HEAD_DIM + d] = fma(dscore[r], x, dk[r * HEAD_DIM + d]))
}

void main() {
  const uint per_group = LANES * ROWS, blocks = (p.tokens + per_group - 1) / per_group, shared_by = p.heads / p.kv_heads;
  for (uint row = first_row(); row < p.batch * p.kv_heads * blocks; row += row_stride()) {
    first = row % blocks * per_group;
    kv_head = row / blocks % p.kv_heads;
    batch = row / blocks / p.kv_heads;
    const uint end = p.window == 0 ? p.tokens : min(p.tokens, first + per_group + p.window - 1);
    LOAD_VECTORS(k, Words(p.k), key_start, p.scale)
    LOAD_VECTORS(v, Words(p.v), key_start, 1.0)
    [[unroll]] for (uint n = 0; n < ROWS * HEAD_DIM; ++n) dk[n] = dv[n] = 0.0;
    for (uint head = kv_head * shared_by; head < (kv_head + 1) * shared_by; ++head)
      for (uint i = first; i < end; ++i) add_query(head, i);
    STORE_VECTORS(dk, Words(p.dk), key_start, exists, scale_factor)
    STORE_VECTORS(dv, Words(p.dv), key_start, exists, no_factor)
  }
}
