#version 460
#include "attention/tiles.glsl"

// Gradient of the queries, one workgroup per (batch, head, block of queries), and delta, the inner product of each query's output with its gradient,
// which the other passes need. That of a clipped softmax, whose output has lost what was clipped, is summed over the keys first.   Shapes as in tiles_forward; dy, dq like y; delta like lse.
layout(push_constant) uniform Push {
  In q; In k; In v; In y; In dy; InF32 lse; OutF32 delta; Out dq; In k_bias; In v_bias;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

float lse[ROWS], delta[ROWS];

void start(uint batch, uint head, Vectors y, Vectors dy, uint first) {
  clear_sums();
  dot_rows(y, dy, first, delta);
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint row = min(first + row_of(r), p.tokens - 1), statistic = (batch * p.heads + head) * p.tokens + row;
    lse[r] = p.lse.at[statistic];
    if (SCORE == CLIPPED_SOFTMAX) delta[r] = 0.0;
  }
}

void store_deltas(uint batch, uint head, uint first) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r)
    if (lx() == 0 && first + row_of(r) < p.tokens) p.delta.at[(batch * p.heads + head) * p.tokens + first + row_of(r)] = delta[r];
}

float learned_score(uint kv_head, Vectors q, uint row) {
  return capped(p.scale * dot_vector(q, row, Words(p.k_bias), kv_head * HEAD_DIM, BIAS_TYPE));
}
float learned_weight_gradient(uint kv_head, Vectors dy, uint row) {
  return LEARNED == 2 ? dot_vector(dy, row, Words(p.v_bias), kv_head * HEAD_DIM, BIAS_TYPE) : 0.0;
}

// The learned key's to the deltas, once.
void add_learned_delta(uint kv_head, Vectors q, Vectors dy, uint first) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint row = min(first + row_of(r), p.tokens - 1);
    const float mine = delta_of(learned_score(kv_head, q, row), lse[r], learned_weight_gradient(kv_head, dy, row));
    if (lx() == 0) delta[r] += mine;
  }
}

void add_learned_key(uint kv_head, Vectors q, Vectors dy, uint first) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint row = min(first + row_of(r), p.tokens - 1);
    const float learned = learned_score(kv_head, q, row), dweight = learned_weight_gradient(kv_head, dy, row);
    const float dscore = uncapped_gradient(score_gradient(learned, lse[r], weight_of(learned, lse[r], row), dweight, delta[r], row), learned);
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
      if (chunk * LX + lx() < GROUPS) sum[r * CHUNKS + chunk] = dscore * load_group(Words(p.k_bias), kv_head * HEAD_DIM, chunk * LX + lx(), BIAS_TYPE);
  }
}

// Of a block of keys to the deltas (this lane's share of them), or, once these are known, to the gradients.
void add_columns(bool to_deltas, Vectors q, Vectors dy, uint first, Vectors k, Vectors v, uint column) {
  multiply(dy, first, v, column);
  float dweight[ROWS * COLUMNS];
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) dweight[n] = score[n];
  multiply(q, first, k, column);
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) score[n] = capped(score[n] * p.scale);
  hide(first, column, false, p.tokens, p.window, p.masked_key);
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) {
    const uint r = n / COLUMNS, row = first + row_of(r);
    if (to_deltas) delta[r] += delta_of(score[n], lse[r], dweight[n]);
    else score[n] = uncapped_gradient(score_gradient(score[n], lse[r], weight_of(score[n], lse[r], row), dweight[n], delta[r], row), score[n]);
  }
  if (!to_deltas) accumulate(0, k, column);
}

void sum_deltas(uint kv_head, Vectors q, Vectors dy, uint first, Vectors k, Vectors v, uint end) {
  if (LEARNED != 0) add_learned_delta(kv_head, q, dy, first);
  for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS)
    add_columns(true, q, dy, first, k, v, column);
  row_sum(delta);
}

void main() {
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = first_row(); item < p.batch * p.heads * blocks; item += row_stride()) {
    const uint first = (blocks - 1 - item % blocks) * BLOCK_ROWS, head = item / blocks % p.heads, batch = item / blocks / p.heads;  // longest first
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head);
    Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    start(batch, head, vectors(Words(p.y), batch, p.tokens, p.heads, head), dy, first);
    if (SCORE == CLIPPED_SOFTMAX) sum_deltas(kv_head, q, dy, first, k, v, end);
    store_deltas(batch, head, first);
    if (LEARNED != 0) add_learned_key(kv_head, q, dy, first);
    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS)
      add_columns(false, q, dy, first, k, v, column);
    store_rows(0, vectors(Words(p.dq), batch, p.tokens, p.heads, head), first, same(p.scale));
  }
}
