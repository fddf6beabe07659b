#version 460
#include "attention/tiles.glsl"

// Attention with an online softmax, one workgroup per (batch, head, block of queries).
// q, y: (batch, tokens, heads * HEAD_DIM)   k, v: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   sinks: (heads)
// k_bias, v_bias: (kv_heads, HEAD_DIM)
layout(push_constant) uniform Push {
  In q; In k; In v; Out y; OutF32 lse; InF32 sinks; In k_bias; In v_bias;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale;
} p;

// A row's running state: its weighted sum of values is sum, relative to exp(top); total is this lane's share of the weights' sum.
vec4 top, total;

void start(uint head, uint kv_head, Vectors q, uint first) {
  const bool counts = lx() == 0;  // what is no sum over columns enters the total once
  top = vec4(SCORE == SOFTMAX1 ? 0.0 : SINKS != 0 ? p.sinks.at[head] : LOWEST);
  total = vec4(counts && (SCORE == SOFTMAX1 || SINKS != 0) ? 1.0 : 0.0);
  clear_sums();
  if (LEARNED == 0) return;
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    const uint row = first + ly() * 4 + r;
    const float score = p.scale * dot_vector(q, row, Words(p.k_bias), kv_head * HEAD_DIM, BIAS_TYPE), before = top[r];
    if (NORMALISED) top[r] = max(before, score);
    const float weight = NORMALISED ? exp(score - top[r]) : weight_of(score, 0.0, row);
    total[r] = total[r] * (NORMALISED ? exp(before - top[r]) : 1.0) + (counts ? weight : 0.0);
    if (LEARNED == 1) continue;
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
      if (chunk * LX + lx() < GROUPS) sum[r * CHUNKS + chunk] = weight * load_group(Words(p.v_bias), kv_head * HEAD_DIM, chunk * LX + lx(), BIAS_TYPE);
  }
}

void add_columns(Vectors q, uint first, Vectors k, Vectors v, uint column) {
  float score[16];
  multiply(q, first, k, column, score);
  bool seen[16];
  vec4 highest = top;
  [[unroll]] for (uint n = 0; n < 16; ++n) {
    const uint row = min(first + ly() * 4 + n / 4, p.tokens - 1), j = column + lx() + LX * (n % 4);
    seen[n] = is_visible(row, j, p.window, p.masked_key);
    score[n] *= p.scale;
    if (seen[n]) highest[n / 4] = max(highest[n / 4], score[n]);
  }
  if (NORMALISED) {
    highest = row_max(highest);
    const vec4 shrink = exp(top - highest);
    [[unroll]] for (uint n = 0; n < 4 * CHUNKS; ++n) sum[n] *= shrink[n / CHUNKS];
    total *= shrink;
    top = highest;
  }
  [[unroll]] for (uint n = 0; n < 16; ++n) {
    score[n] = seen[n] ? weight_of(score[n], top[n / 4], min(first + ly() * 4 + n / 4, p.tokens - 1)) : 0.0;
    total[n / 4] += score[n];
  }
  share_weights(score);
  accumulate(0, v, column);
}

void finish(Vectors y, uint batch, uint head, uint first) {
  total = row_sum(total);
  store_rows(0, y, first, NORMALISED ? 1.0 / total : vec4(1));
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    const uint row = first + ly() * 4 + r;
    if (lx() == 0 && row < p.tokens) p.lse.at[(batch * p.heads + head) * p.tokens + row] = NORMALISED ? top[r] + log(total[r]) : total[r];
  }
}

void main() {
  const uint blocks = (p.tokens + BLOCK_ROWS - 1) / BLOCK_ROWS;
  for (uint item = first_row(); item < p.batch * p.heads * blocks; item += row_stride()) {
    const uint first = (blocks - 1 - item % blocks) * BLOCK_ROWS, head = item / blocks % p.heads, batch = item / blocks / p.heads;  // longest first
    const uint kv_head = head / (p.heads / p.kv_heads), end = min(first + BLOCK_ROWS, p.tokens);
    Vectors q = vectors(Words(p.q), batch, p.tokens, p.heads, head);
    Vectors k = vectors(Words(p.k), batch, p.tokens, p.kv_heads, kv_head), v = vectors(Words(p.v), batch, p.tokens, p.kv_heads, kv_head);
    start(head, kv_head, q, first);
    for (uint column = first_key(first, p.window) / BLOCK_COLUMNS * BLOCK_COLUMNS; column < end; column += BLOCK_COLUMNS) add_columns(q, first, k, v, column);
    finish(vectors(Words(p.y), batch, p.tokens, p.heads, head), batch, head, first);
  }
}
