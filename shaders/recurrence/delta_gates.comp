#version 460
#include "common/kernel.glsl"
#include "recurrence/delta_gates.glsl"

// decay = exp(-exp(rate) softplus(a + bias)), beta = sigmoid(b).   a, b, decay, beta: (rows, heads)   rate, bias: (heads)
layout(push_constant) uniform Push { In a; In b; InF32 rate; InF32 bias; OutF32 decay; OutF32 beta; uint rows, heads; } p;

void main() {
  for (uint i = first_item(); i < p.rows * p.heads; i += item_stride()) {
    const uint head = i % p.heads;
    p.decay.at[i] = decay_of(exp(p.rate.at[head]) * softplus(load(p.a, i) + p.bias.at[head]));
    p.beta.at[i] = sigmoid(load(p.b, i));
  }
}
