#version 460
#include "attention/tiles.glsl"

// Gradient of the queries, one workgroup per (batch, head, block of queries), and delta, the inner product of each query's output with its gradient,
// which the other passes need.   Shapes as in tiles_forward; dy, dq like y; delta like lse.
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
    if (lx() == 0 && first + row_of(r) < p.tokens) p.delta.at[statistic] = delta[r];
  }
}

void add_learned_key(uint kv_head, Vectors q, Vectors dy, uint first) {
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    const uint row = min(first + row_of(r), p.tokens - 1);
    const float learned = capped(p.scale * dot_vector(q, row, Words(p.k_bias), kv_head * HEAD_DIM, BIAS_TYPE));
    float dweight = 0.0;
    if (LEARNED == 2) dweight = dot_vector(dy, row, Words(p.v_bias), kv_head * HEAD_DIM, BIAS_TYPE);
    const float dscore = uncapped_gradient(score_gradient(learned, weight_of(learned, lse[r], row), dweight, delta[r], row), learned);
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
      if (chunk * LX + lx() < GROUPS) sum[r * CHUNKS + chunk] = dscore * load_group(Words(p.k_bias), kv_head * HEAD_DIM, chunk * LX + lx(), BIAS_TYPE);
  }
}

void add_columns(Vectors q, Vectors dy, uint first, Vectors k, Vectors v, uint column) {
  multiply(dy, first, v, column);
  float dweight[ROWS * COLUMNS];
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) dweight[n] = score[n];
  multiply(q, first, k, column);
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) score[n] = capped(score[n] * p.scale);
  hide(first, column, false, p.tokens, p.window, p.masked_key);
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) {
    const uint r = n / COLUMNS, row = first + row_of(r);
    score[n] = uncapped_gradient(score_gradient(score[n], weight_of(score[n], lse[r], row), dweight[n], delta[r], row), score[n]);
  }
  accumulate(0, k, column);
}

void main() {
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = first_row(); item < p.batch * p.heads * blocks; item += row_stride()) {
    const uint first = (blocks - 1 - item % blocks) * BLOCK_ROWS, head = item / blocks % p.heads, batch = item / blocks / p.heads;  // longest first
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head);
    Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    start(batch, head, vectors(Words(p.y), batch, p.tokens, p.heads, head), dy, first);
    if (LEARNED != 0) add_learned_key(kv_head, q, dy, first);
    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS)
      add_columns(q, dy, first, k, v, column);
    store_rows(0, vectors(Words(p.dq), batch, p.tokens, p.heads, head), first, same(p.scale));
  }
}
