#version 460
#include "common/rows.glsl"

// Gradients of the delta rule's gates, one invocation per sequence and head. dbeta = e . du. What a decay scales shows in products that need no state: with
// dv = beta du, and v - e what the state held for the key, decay ddecay of a token is that of the next token plus  y . dy - beta e . du - dv . (v - e).
// v, dy: (sequences * tokens, heads, value_dim)   exact (y), errors (e), du: the same, f32   decay, beta, ddecay, dbeta: (sequences * tokens, heads)
layout(push_constant) uniform Push {
  In v; InF32 decay; InF32 beta; InF32 errors; InF32 exact; In dy; InF32 du; OutF32 ddecay; OutF32 dbeta;
  uint sequences, tokens, heads, value_dim;
} p;

void main() {
  for (uint item = first_item(); item < p.sequences * p.heads; item += item_stride()) {
    const uint head = item % p.heads, sequence = item / p.heads;
    float along = 0.0;
    for (uint back = 0; back < p.tokens; ++back) {
      const uint gates = ((sequence + 1) * p.tokens - 1 - back) * p.heads + head;
      const float beta = p.beta.at[gates], decay = p.decay.at[gates];
      vec4 dbeta = vec4(0.0), sum = vec4(0.0);
      for (uint j = 0; j < (p.value_dim + 3) / 4; ++j) {
        const vec4 e = fetch_f32(p.errors, gates, p.value_dim, j), du = fetch_f32(p.du, gates, p.value_dim, j);
        dbeta += e * du;
        sum += fetch_f32(p.exact, gates, p.value_dim, j) * fetch(p.dy, gates, p.value_dim, j) - beta * du * (fetch(p.v, gates, p.value_dim, j) - e);
      }
      const float learnt = (dbeta.x + dbeta.y) + (dbeta.z + dbeta.w);
      along += (sum.x + sum.y) + (sum.z + sum.w) - beta * learnt;
      p.dbeta.at[gates] = learnt;
      p.ddecay.at[gates] = decay > 0.0 ? along / decay : 0.0;
    }
  }
}
