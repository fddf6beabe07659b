#version 460
#include "attention/tiles.glsl"

// Attention with an online softmax, one workgroup per (batch, head, block of queries).
// q, y: (batch, tokens, heads * HEAD_DIM)   k, v: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   sinks: (heads)
// k_bias, v_bias: (kv_heads, HEAD_DIM)   masked: (heads, tokens), see is_masked()   known: like lse, where softmax weights are clipped
layout(push_constant) uniform Push {
  In q; In k; In v; Out y; OutF32 lse; InF32 sinks; In k_bias; In v_bias; InF32 masked; InF32 known;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

// A row's running state: its weighted sum of values is sum, relative to exp(top); total is this lane's share of the weights' sum.
float top[ROWS], total[ROWS];

void start(uint batch, uint head, uint kv_head, Vectors q, uint first) {
  const bool counts = lx() == 0;  // what is no sum over columns enters the total once
  clear_sums();
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    top[r] = SCORE == SOFTMAX1 ? 0.0 : SINKS != 0 ? p.sinks.at[head] : LOWEST;
    if (SCORE == CLIPPED_SOFTMAX) top[r] = p.known.at[(batch * p.heads + head) * p.tokens + min(first + row_of(r), p.tokens - 1)];
    total[r] = counts && (SCORE == SOFTMAX1 || SINKS != 0) ? 1.0 : 0.0;
    if (LEARNED == 0) continue;
    const uint row = first + row_of(r);
    const float learned = capped(p.scale * dot_vector(q, row, Words(p.k_bias), kv_head * HEAD_DIM, BIAS_TYPE)), before = top[r];
    if (NORMALISED) top[r] = max(before, learned);
    const float weight = NORMALISED ? exp(learned - top[r]) : weight_of(learned, top[r], row);
    total[r] = total[r] * (NORMALISED ? exp(before - top[r]) : 1.0) + (counts ? counted(weight) : 0.0);
    if (LEARNED == 1) continue;
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
      if (chunk * LX + lx() < GROUPS) sum[r * CHUNKS + chunk] = weight * load_group(Words(p.v_bias), kv_head * HEAD_DIM, chunk * LX + lx(), BIAS_TYPE);
  }
}

void hide_masked(uint head, uint first, uint first_column) {
  if (MASKED == 0) return;
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) {
    const uint query = first + row_of(n / COLUMNS), key = min(first_column + column_of(n % COLUMNS), p.tokens - 1);
    if (is_masked(p.masked, head, p.tokens, query, key)) score[n] = LOWEST;
  }
}

void add_columns(Vectors q, uint head, uint first, Vectors k, Vectors v, uint column) {
  multiply(q, first, k, column);
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) score[n] = capped(score[n] * p.scale);
  hide(first, column, false, p.tokens, p.window, p.masked_key);
  hide_masked(head, first, column);
  if (NORMALISED) {  // a row that has seen nothing yet gives all a weight of 1, which the first that it sees takes back
    float highest[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) highest[r] = top[r];
    [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) highest[n / COLUMNS] = max(highest[n / COLUMNS], score[n]);
    row_max(highest);
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {
      const float shrink = exp(top[r] - highest[r]);
      [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) sum[r * CHUNKS + chunk] *= shrink;
      total[r] *= shrink;
      top[r] = highest[r];
    }
  }
  [[unroll]] for (uint n = 0; n < ROWS * COLUMNS; ++n) {
    score[n] = weight_of(score[n], top[n / COLUMNS], first + row_of(n / COLUMNS));
    total[n / COLUMNS] += counted(score[n]);
  }
  accumulate(0, v, column);
}

void finish(Vectors y, uint batch, uint head, uint first) {
  row_sum(total);
  float factor[ROWS];
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    factor[r] = NORMALISED ? 1.0 / total[r] : 1.0;
    const uint row = first + row_of(r);
    if (lx() == 0 && row < p.tokens) p.lse.at[(batch * p.heads + head) * p.tokens + row] = NORMALISED ? top[r] + log(total[r]) : SCORE == CLIPPED_SOFTMAX ? top[r] : total[r];
  }
  store_rows(0, y, first, factor);
}

void main() {
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = first_row(); item < p.batch * p.heads * blocks; item += row_stride()) {
    const uint first = (blocks - 1 - item % blocks) * BLOCK_ROWS, head = item / blocks % p.heads, batch = item / blocks / p.heads;  // longest first
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head);
    Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    start(batch, head, kv_head, q, first);
    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) add_columns(q, head, first, k, v, column);
    finish(vectors(Words(p.y), batch, p.tokens, p.heads, head), batch, head, first);
  }
}
