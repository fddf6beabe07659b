#version 460
#include "common/kernel.glsl"
#include "recurrence/delta_gates.glsl"

// From the gradient of decay = exp(-exp(rate) softplus(a + bias)) that of a, and of rate and bias, which are still to be summed over rows.
// a, da, ddecay, drate, dbias: (rows, heads)   rate, bias: (heads)
layout(push_constant) uniform Push { In a; InF32 rate; InF32 bias; InF32 ddecay; Out da; OutF32 drate; OutF32 dbias; uint rows, heads; } p;

void main() {
  for (uint i = first_item(); i < p.rows * p.heads; i += item_stride()) {
    const uint head = i % p.heads;
    const float x = load(p.a, i) + p.bias.at[head], speed = exp(p.rate.at[head]), power = speed * softplus(x);
    const float along = -p.ddecay.at[i] * decay_of(power), dx = along * speed * sigmoid(x);
    store(p.da, i, dx);
    p.dbias.at[i] = dx;
    p.drate.at[i] = along * power;
  }
}
