#version 460
#include "common/rows.glsl"

// Gradients of the delta rule that a column of the state finds alone, one invocation per sequence, head and channel of the values. Its own gradient d goes back
// through the tokens,
//   d <- d + scale dy q,  du = k . d,  dv = beta du,  d <- decay (d - beta du k).
// q, k: (sequences * tokens, heads / shared, KEY_DIM)   dy, dv, du: (sequences * tokens, heads, value_dim)   decay, beta: (sequences * tokens, heads)
layout(constant_id = 3) const uint KEY_DIM = 1;
layout(push_constant) uniform Push {
  In q; In k; InF32 decay; InF32 beta; In dy; Out dv; OutF32 du;
  uint sequences, tokens, heads, shared_heads, value_dim;
  float scale;
} p;

const uint GROUPS = (KEY_DIM + 3) / 4;

void main() {
  for (uint item = first_item(); item < p.sequences * p.heads * p.value_dim; item += item_stride()) {
    const uint column = item % p.value_dim, head = item / p.value_dim % p.heads, sequence = item / p.value_dim / p.heads;
    const uint key_heads = p.heads / p.shared_heads;
    vec4 d[GROUPS];
    [[unroll]] for (uint i = 0; i < GROUPS; ++i) d[i] = vec4(0.0);
    for (uint back = 0; back < p.tokens; ++back) {
      const uint token = (sequence + 1) * p.tokens - 1 - back;
      const uint key = token * key_heads + head / p.shared_heads, gates = token * p.heads + head, at = gates * p.value_dim + column;
      const float dy = p.scale * load(p.dy, at), decay = p.decay.at[gates];
      float du = 0.0;
      [[unroll]] for (uint i = 0; i < GROUPS; ++i) {
        d[i] += dy * fetch(p.q, key, KEY_DIM, i);
        du += dot(d[i], fetch(p.k, key, KEY_DIM, i));
      }
      const float dv = p.beta.at[gates] * du;
      [[unroll]] for (uint i = 0; i < GROUPS; ++i) d[i] = decay * (d[i] - dv * fetch(p.k, key, KEY_DIM, i));
      store(p.dv, at, dv);
      p.du.at[at] = du;
    }
  }
}
