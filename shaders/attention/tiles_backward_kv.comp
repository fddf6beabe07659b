#version 460
#define SUMS 2
#include "attention/tiles.glsl"

// Gradients of the keys and values, one workgroup per (batch, key head, block of keys), over the queries of all heads that share them: rows are keys,
// columns queries.   Shapes as in tiles_backward_q; dk, dv like k, v.
layout(push_constant) uniform Push {
  In q; In k; In v; In dy; InF32 lse; InF32 delta; Out dk; Out dv;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

void add_columns(Vectors k, Vectors v, uint first, Vectors q, Vectors dy, uint column, uint statistic) {
  float score[16], dweight[16];
  multiply(k, first, q, column, score);
  multiply(v, first, dy, column, dweight);
  [[unroll]] for (uint n = 0; n < 16; ++n) {
    const uint j = first + ly() * 4 + n / 4, i = column + lx() + LX * (n % 4);
    const bool seen = i < p.tokens && is_visible(i, j, p.window, p.masked_key);
    const uint at = statistic + min(i, p.tokens - 1);
    const float weight = seen ? weight_of(p.scale * score[n], p.lse.at[at], i) : 0.0;
    dweight[n] = seen ? score_gradient(p.scale * score[n], weight, dweight[n], p.delta.at[at], i) : 0.0;
    score[n] = weight;
  }
  share_weights(score);
  accumulate(1, dy, column);
  share_weights(dweight);
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
    store_rows(0, vectors(Words(p.dk), batch, p.tokens, p.kv_heads, kv_head), first, vec4(p.scale));
    store_rows(1, vectors(Words(p.dv), batch, p.tokens, p.kv_heads, kv_head), first, vec4(1));
  }
}
