#version 460
#include "common/rows.glsl"

// Gradients of the delta rule that a row of the state finds alone, one invocation per sequence, key head and channel of the keys. For each head that shares the
// key, the row s goes forward through the tokens by the errors e, and its gradient d back, with dv = beta du:
//   dk = -decay s . dv,  s <- decay s + k beta e,  dq = scale dy . s;   d <- d + scale q dy,  dk <- dk + beta e . d,  d <- decay (d - k dv).
// q, k, dq, dk: (sequences * tokens, heads / shared, key_dim)   errors, dy, du: (sequences * tokens, heads, VALUE_DIM)   decay, beta: (sequences * tokens, heads)
layout(constant_id = 3) const uint VALUE_DIM = 1;
layout(push_constant) uniform Push {
  In q; In k; InF32 decay; InF32 beta; InF32 errors; In dy; InF32 du; OutF32 dq; OutF32 dk;
  uint sequences, tokens, heads, shared_heads, key_dim;
  float scale;
} p;

const uint GROUPS = (VALUE_DIM + 3) / 4;

void main() {
  const uint keys = p.heads / p.shared_heads * p.key_dim;  // channels of all of them
  for (uint item = first_item(); item < p.sequences * keys; item += item_stride()) {
    const uint channel = item % keys, first = item / keys * p.tokens;
    for (uint shared_head = 0; shared_head < p.shared_heads; ++shared_head) {
      const uint head = channel / p.key_dim * p.shared_heads + shared_head;
      vec4 row[GROUPS];
      [[unroll]] for (uint j = 0; j < GROUPS; ++j) row[j] = vec4(0.0);
      for (uint token = first; token < first + p.tokens; ++token) {
        const uint at = token * keys + channel, gates = token * p.heads + head;
        const float decay = p.decay.at[gates], beta = p.beta.at[gates], k = load(p.k, at);
        float dk = 0.0, dq = 0.0;
        [[unroll]] for (uint j = 0; j < GROUPS; ++j) {
          row[j] *= decay;
          dk -= beta * dot(row[j], fetch_f32(p.du, gates, VALUE_DIM, j));
          row[j] += k * beta * fetch_f32(p.errors, gates, VALUE_DIM, j);
          dq += p.scale * dot(row[j], fetch(p.dy, gates, VALUE_DIM, j));
        }
        p.dq.at[at] = (shared_head > 0 ? p.dq.at[at] : 0.0) + dq;
        p.dk.at[at] = (shared_head > 0 ? p.dk.at[at] : 0.0) + dk;
      }
      [[unroll]] for (uint j = 0; j < GROUPS; ++j) row[j] = vec4(0.0);  // its gradient from here on
      for (uint back = 0; back < p.tokens; ++back) {
        const uint token = first + p.tokens - 1 - back, at = token * keys + channel, gates = token * p.heads + head;
        const float decay = p.decay.at[gates], beta = p.beta.at[gates], k = load(p.k, at), q = p.scale * load(p.q, at);
        float dk = 0.0;
        [[unroll]] for (uint j = 0; j < GROUPS; ++j) {
          row[j] += q * fetch(p.dy, gates, VALUE_DIM, j);
          dk += beta * dot(row[j], fetch_f32(p.errors, gates, VALUE_DIM, j));
          row[j] = decay * (row[j] - k * beta * fetch_f32(p.du, gates, VALUE_DIM, j));
        }
        p.dk.at[at] += dk;
      }
    }
  }
}
