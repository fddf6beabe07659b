#version 460
#include "attention/tiles.glsl"

// Gradient of the queries, one workgroup per (batch, head, block of queries), and delta, the inner product of each query's output with its gradient,
// which the other passes need.   Shapes as in tiles_forward; dy, dq like y; delta like lse.
layout(push_constant) uniform Push {
  In q; In k; In v; In y; In dy; InF32 lse; OutF32 delta; Out dq; In k_bias; In v_bias;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

vec4 lse, delta;

void start(uint batch, uint head, Vectors dy, uint first) {
  clear_sums();
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    const uint row = min(first + ly() * 4 + r, p.tokens - 1), statistic = (batch * p.heads + head) * p.tokens + row;
    delta[r] = dot_vector(dy, row, Words(p.y), dy.first + row * dy.stride, DTYPE);
    lse[r] = p.lse.at[statistic];
    if (lx() == 0 && first + ly() * 4 + r < p.tokens) p.delta.at[statistic] = delta[r];
  }
}

void add_learned_key(uint kv_head, Vectors q, Vectors dy, uint first) {
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    const uint row = min(first + ly() * 4 + r, p.tokens - 1);
    const float score = p.scale * dot_vector(q, row, Words(p.k_bias), kv_head * HEAD_DIM, BIAS_TYPE);
    float dweight = 0.0;
    if (LEARNED == 2) dweight = dot_vector(dy, row, Words(p.v_bias), kv_head * HEAD_DIM, BIAS_TYPE);
    const float dscore = score_gradient(score, weight_of(score, lse[r], row), dweight, delta[r], row);
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
      if (chunk * LX + lx() < GROUPS) sum[r * CHUNKS + chunk] = dscore * load_group(Words(p.k_bias), kv_head * HEAD_DIM, chunk * LX + lx(), BIAS_TYPE);
  }
}

void add_columns(Vectors q, Vectors dy, uint first, Vectors k, Vectors v, uint column) {
  float score[16], dweight[16];
  multiply(q, first, k, column, score);
  multiply(dy, first, v, column, dweight);
  [[unroll]] for (uint n = 0; n < 16; ++n) {
    const uint r = n / 4, row = min(first + ly() * 4 + r, p.tokens - 1), j = column + lx() + LX * (n % 4);
    score[n] *= p.scale;
    score[n] = is_visible(row, j, p.window, p.masked_key) ? score_gradient(score[n], weight_of(score[n], lse[r], row), dweight[n], delta[r], row) : 0.0;
  }
  share_weights(score);
  accumulate(0, k, column);
}

void main() {
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = first_row(); item < p.batch * p.heads * blocks; item += row_stride()) {
    const uint first = (blocks - 1 - item % blocks) * BLOCK_ROWS, head = item / blocks % p.heads, batch = item / blocks / p.heads;  // longest first
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head);
    Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    start(batch, head, dy, first);
    if (LEARNED != 0) add_learned_key(kv_head, q, dy, first);
    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS)
      add_columns(q, dy, first, k, v, column);
    store_rows(0, vectors(Words(p.dq), batch, p.tokens, p.heads, head), first, vec4(p.scale));
  }
}
