#version 460
#define SUMS 2
#include "attention/tiles.glsl"

// Gradients of the keys and values, one workgroup per (batch, key head, block of keys), over the queries of all heads that share them: rows are keys,
// columns queries.   Shapes as in tiles_backward_q; dk, dv like k, v.
layout(constant_id = 14) const uint RESULTS = 3;  // 1: dk, 2: dv; both at once take twice the registers
layout(push_constant) uniform Push {
  In q; In k; In v; In dy; InF32 lse; InF32 delta; Out dk; Out dv;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

void add_columns(Vectors k, Vectors v, uint first, Vectors q, Vectors dy, uint column, uint statistic) {
  float dweight[ROWS * COLUMNS];
  if ((RESULTS & 1u) != 0) {
    multiply(v, first, dy, column);
    [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) dweight[n] = score[n];
  }
  multiply(k, first, q, column);
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) score[n] = capped(score[n] * p.scale);
  hide(first, column, true, p.tokens, p.window, p.masked_key);
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    const uint query = column + column_of(c), i = min(query, p.tokens - 1);
    const float lse = p.lse.at[statistic + i], delta = p.delta.at[statistic + i];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {
      const uint n = r * COLUMNS + c;
      if (query >= p.tokens) score[n] = LOWEST;
      const float weight = weight_of(score[n], lse, i);
      if ((RESULTS & 1u) != 0) dweight[n] = uncapped_gradient(score_gradient(score[n], lse, weight, dweight[n], delta, i), score[n]);
      score[n] = weight;
    }
  }
  if ((RESULTS & 2u) != 0) accumulate(1, dy, column);
  if ((RESULTS & 1u) == 0) return;
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) score[n] = dweight[n];
  accumulate(0, q, column);
}

void main() {
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS, shared_by = p.heads / p.kv_heads;
  for (uint item = first_row(); item < p.batch * p.kv_heads * blocks; item += row_stride()) {
    const uint first = item % blocks * BLOCK_ROWS, kv_head = item / blocks % p.kv_heads, batch = item / blocks / p.kv_heads;
    const uint end = p.window == 0 ? p.tokens : min(p.tokens, first + BLOCK_ROWS + p.window - 1);
    Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    clear_sums();
    for (uint head = kv_head * shared_by; head < (kv_head + 1) * shared_by; ++head) {
      Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head), dy = vectors(Words(p.dy), batch, p.tokens, p.heads, head);
      for (uint column = first / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS)
        add_columns(k, v, first, q, dy, column, (batch * p.heads + head) * p.tokens);
    }
    if ((RESULTS & 1u) != 0) store_rows(0, vectors(Words(p.dk), batch, p.tokens, p.kv_heads, kv_head), first, same(p.scale));
    if ((RESULTS & 2u) != 0) store_rows(1, vectors(Words(p.dv), batch, p.tokens, p.kv_heads, kv_head), first, same(1.0));
  }
}
