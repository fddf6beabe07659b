#version 460
#include "attention/rows.glsl"

// Attention with an online softmax, ROWS queries a lane.
// q, y: (batch, tokens, heads * HEAD_DIM)   k, v: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   sinks: (heads)
// k_bias, v_bias: (kv_heads, HEAD_DIM)   masked: (heads, tokens), see is_masked()   known: like lse, where softmax weights are clipped
layout(push_constant) uniform Push {
  In q; In k; In v; Out y; OutF32 lse; InF32 sinks; In k_bias; In v_bias; InF32 masked; InF32 known;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

// A query's weighted sum of values is relative to exp(top); total is the sum of its weights.
float q[ROWS * HEAD_DIM], sum[ROWS * HEAD_DIM], top[ROWS], total[ROWS];
uint batch, head, kv_head, first;

uint query_of(uint r, uint owner) { return first + r * LANES + owner; }
uint query_start(uint r, uint owner) { return ((batch * p.tokens + min(query_of(r, owner), p.tokens - 1)) * p.heads + head) * HEAD_DIM; }
bool exists(uint r, uint owner) { return query_of(r, owner) < p.tokens; }
uint statistic(uint r) { return (batch * p.heads + head) * p.tokens + min(query_of(r, lane()), p.tokens - 1); }
float factor(uint r) { return NORMALISED ? 1.0 / total[r] : 1.0; }

void start() {
  LOAD_VECTORS(q, Words(p.q), query_start, p.scale)
  float before = LOWEST, sink = 0.0;
  if (SCORE == SOFTMAX1) {
    before = 0.0;
    sink = 1.0;
  }
  if (SINKS != 0) {
    before = p.sinks.at[head];
    sink = 1.0;
  }
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    top[r] = SCORE == CLIPPED_SOFTMAX ? p.known.at[statistic(r)] : before;
    total[r] = sink;
    [[unroll]] for (uint d = 0; d < HEAD_DIM; ++d) sum[r * HEAD_DIM + d] = 0.0;
  }
}

// A key and value; queries see it if it comes early enough, or always (the learned ones).
void add_key(Words k, Words v, bool has_value, uint at, uint dtype, bool always, uint j) {
  float part[PARTS], score[ROWS], shrink[ROWS];
  [[unroll]] for (uint n = 0; n < PARTS; ++n) part[n] = load_part(k, at, n, dtype);
  [[unroll]] for (uint r = 0; r < ROWS; ++r) score[r] = 0.0;
  FOR_CHANNELS(part, score[r] = fma(q[r * HEAD_DIM + d], x, score[r]))
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint i = query_of(r, lane());
    const bool seen = always || (is_visible(i, j, p.window, p.masked_key) && !is_masked(p.masked, head, p.tokens, i, j));
    score[r] = capped(score[r]);
    const float before = top[r];
    if (NORMALISED && seen) top[r] = max(before, score[r]);
    shrink[r] = NORMALISED ? exp(before - top[r]) : 1.0;
    score[r] = seen ? weight_of(score[r], top[r], i) : 0.0;
    total[r] = fma(total[r], shrink[r], counted(score[r]));
  }
  if (has_value) {
    [[unroll]] for (uint n = 0; n < PARTS; ++n) part[n] = load_part(v, at, n, dtype);
    FOR_CHANNELS(part, sum[r * HEAD_DIM + d] = fma(sum[r * HEAD_DIM + d], shrink[r], score[r] * x))
  }
}

void finish() {
  STORE_VECTORS(sum, Words(p.y), query_start, exists, factor)
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    if (exists(r, lane())) p.lse.at[statistic(r)] = NORMALISED ? top[r] + log(total[r]) : SCORE == CLIPPED_SOFTMAX ? top[r] : total[r];
}

void main() {
  const uint per_group = LANES * ROWS, blocks = (p.tokens + per_group - 1) / per_group;
  for (uint row = first_row(); row < p.batch * p.heads * blocks; row += row_stride()) {
    first = row % blocks * per_group;
    head = row / blocks % p.heads;
    batch = row / blocks / p.heads;
    kv_head = head / (p.heads / p.kv_heads);
    start();
    if (LEARNED != 0) add_key(Words(p.k_bias), Words(p.v_bias), LEARNED == 2, kv_head * HEAD_DIM, BIAS_TYPE, true, 0);
    for (uint j = first_key(first, p.window); j < min(first + per_group, p.tokens); ++j)
      add_key(Words(p.k), Words(p.v), true, ((batch * p.tokens + j) * p.kv_heads + kv_head) * HEAD_DIM, DTYPE, false, j);
    finish();
  }
}
