#version 460
#include "common/rows.glsl"

// The gated delta rule, one invocation per sequence, head and channel of the values: a column s of the head's state goes through the tokens,
//   s <- decay s + beta e k,  e = v - k . decay s,   y = scale q . s.   Columns have nothing to do with each other.
// q, k: (sequences * tokens, heads / shared, KEY_DIM)   v, y: (sequences * tokens, heads, value_dim)   decay, beta: (sequences * tokens, heads)
// errors, exact: e and y unrounded, as v, for the backward pass; may be null
layout(constant_id = 3) const uint KEY_DIM = 1;
layout(push_constant) uniform Push {
  In q; In k; In v; InF32 decay; InF32 beta; Out y; OutF32 errors; OutF32 exact;
  uint sequences, tokens, heads, shared_heads, value_dim;
  float scale;
} p;

const uint GROUPS = (KEY_DIM + 3) / 4;

void main() {
  for (uint item = first_item(); item < p.sequences * p.heads * p.value_dim; item += item_stride()) {
    const uint column = item % p.value_dim, head = item / p.value_dim % p.heads, sequence = item / p.value_dim / p.heads;
    const uint key_heads = p.heads / p.shared_heads;
    vec4 state[GROUPS];
    [[unroll]] for (uint i = 0; i < GROUPS; ++i) state[i] = vec4(0.0);
    for (uint token = sequence * p.tokens; token < (sequence + 1) * p.tokens; ++token) {
      const uint key = token * key_heads + head / p.shared_heads, gates = token * p.heads + head, at = gates * p.value_dim + column;
      const float decay = p.decay.at[gates];
      float held = 0.0, seen = 0.0;
      [[unroll]] for (uint i = 0; i < GROUPS; ++i) {
        state[i] *= decay;
        held += dot(state[i], fetch(p.k, key, KEY_DIM, i));
      }
      const float error = load(p.v, at) - held, change = p.beta.at[gates] * error;
      [[unroll]] for (uint i = 0; i < GROUPS; ++i) {
        state[i] += change * fetch(p.k, key, KEY_DIM, i);
        seen += dot(state[i], fetch(p.q, key, KEY_DIM, i));
      }
      store(p.y, at, p.scale * seen);
      if (!is_null(p.errors)) {
        p.errors.at[at] = error;
        p.exact.at[at] = p.scale * seen;
      }
    }
  }
}
