#version 460
#include "attention/common.glsl"
#include "common/reduce.glsl"
#include "attention/kept_first.glsl"
#include "attention/softcap.glsl"

// Adds to an attention within a window the first keys that the window has left behind, as queries in other places see them; a workgroup per query. What the
// window gave is one more value, whose weight is exp(lse), and the online softmax goes on from it.
// first_q, y: (batch, tokens, heads * HEAD_DIM)   k, v: (batch, tokens, kv_heads * HEAD_DIM)   lse: (batch, heads, tokens)   masked: (heads, tokens), see is_masked()
layout(push_constant) uniform Push {
  In first_q; In k; In v; InOut y; InOutF32 lse; InF32 masked;
  uint batch, tokens, heads, kv_heads, window; int masked_key; float scale; uint keep_first;
} p;

const uint PER_LANE = (HEAD_DIM + LANES - 1) / LANES;
#define for_channels(n, d) [[unroll]] for (uint n = 0, d = lane(); n < PER_LANE; ++n, d += LANES) if (d < HEAD_DIM)

void main() {
  for (uint row = first_row(); row < p.batch * p.heads * p.tokens; row += row_stride()) {
    const uint i = row % p.tokens, head = row / p.tokens % p.heads, batch = row / p.tokens / p.heads, kv_head = head / (p.heads / p.kv_heads);
    if (i < p.window) continue;
    const uint at = ((batch * p.tokens + i) * p.heads + head) * HEAD_DIM;
    float q[PER_LANE], sum[PER_LANE];
    for_channels(n, d) {
      q[n] = load(p.first_q, at + d);
      sum[n] = load(p.y, at + d);
    }
    float top = NORMALISED ? p.lse.at[row] : 0.0, total = NORMALISED ? 1.0 : p.lse.at[row];
    for (uint j = 0; j < min(p.keep_first, i + 1 - p.window); ++j) {
      if (!is_kept_first(i, j, p.window, p.keep_first, p.masked_key) || is_masked(p.masked, head, p.tokens, i, j)) continue;
      const uint key = ((batch * p.tokens + j) * p.kv_heads + kv_head) * HEAD_DIM;
      float score = 0.0;
      for_channels(n, d) score = fma(q[n], load(p.k, key + d), score);
      score = capped(p.scale * workgroup_sum(score));
      const float before = top;
      if (NORMALISED) top = max(top, score);
      const float shrink = NORMALISED ? exp(before - top) : 1.0, weight = weight_of(score, top, i);
      total = total * shrink + counted(weight);
      for_channels(n, d) sum[n] = sum[n] * shrink + weight * load(p.v, key + d);
    }
    for_channels(n, d) store(p.y, at + d, NORMALISED ? sum[n] / total : sum[n]);
    if (lane() == 0) p.lse.at[row] = NORMALISED ? top + log(total) : total;
  }
}
