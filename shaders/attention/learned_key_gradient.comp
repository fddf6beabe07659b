#version 460
#include "attention/common.glsl"
#include "attention/softcap.glsl"

// Partial gradients of the learned key and value, one workgroup per (batch, chunk of CHUNK queries, query head of the group, key head).
// q, dy: (batch, tokens, heads * HEAD_DIM)   lse, delta: (batch, heads, tokens)   k_bias, v_bias: (kv_heads, HEAD_DIM)
// dk, dv: (batch * chunks * heads / kv_heads, kv_heads, HEAD_DIM)
const uint CHUNK = 256;
layout(push_constant) uniform Push {
  In q; In dy; InF32 lse; InF32 delta; In k_bias; In v_bias; OutF32 dk; OutF32 dv;
  uint batch, tokens, heads, kv_heads; float scale;
} p;

shared float weight[CHUNK], dscore[CHUNK];

void main() {
  const uint chunks = (p.tokens + CHUNK - 1) / CHUNK, shared_by = p.heads / p.kv_heads;
  for (uint row = first_row(); row < p.batch * chunks * p.heads; row += row_stride()) {
    const uint kv_head = row % p.kv_heads, head = kv_head * shared_by + row / p.kv_heads % shared_by;
    const uint first = row / p.heads % chunks * CHUNK, count = min(CHUNK, p.tokens - first), batch = row / p.heads / chunks;
    for (uint c = lane(); c < count; c += lanes()) {
      const uint i = first + c, at = ((batch * p.tokens + i) * p.heads + head) * HEAD_DIM, statistic = (batch * p.heads + head) * p.tokens + i;
      float score = 0.0, dweight = 0.0;
      for (uint d = 0; d < HEAD_DIM; ++d) {
        score = fma(load(p.q, at + d), load_as(Words(p.k_bias), kv_head * HEAD_DIM + d, BIAS_TYPE), score);
        if (LEARNED == 2) dweight = fma(load(p.dy, at + d), load_as(Words(p.v_bias), kv_head * HEAD_DIM + d, BIAS_TYPE), dweight);
      }
      score = capped(score * p.scale);
      weight[c] = weight_of(score, p.lse.at[statistic], i);
      dscore[c] = uncapped_gradient(score_gradient(score, p.lse.at[statistic], weight[c], dweight, p.delta.at[statistic], i), score) * p.scale;
    }
    barrier();
    for (uint d = lane(); d < HEAD_DIM; d += lanes()) {
      float dk = 0.0, dv = 0.0;
      for (uint c = 0; c < count; ++c) {
        const uint at = ((batch * p.tokens + first + c) * p.heads + head) * HEAD_DIM + d;
        dk = fma(dscore[c], load(p.q, at), dk);
        dv = fma(weight[c], load(p.dy, at), dv);
      }
      p.dk.at[row * HEAD_DIM + d] = dk;
      if (LEARNED == 2) p.dv.at[row * HEAD_DIM + d] = dv;
    }
    barrier();
  }
}
