#version 460
#include "common/kernel.glsl"

// From the gradients d of the weights those of the logits. The choice itself has none.
// logits, dlogits: (rows, experts)   picked, weights, d: (rows, chosen)
layout(constant_id = 3) const uint NORMED = 0;
layout(push_constant) uniform Push { In logits; InU32 picked; InF32 weights; InF32 d; Out dlogits; uint rows, experts, chosen; } p;

void main() {
  for (uint row = first_item(); row < p.rows; row += item_stride()) {
    const uint own = row * p.chosen;
    const float top = load(p.logits, row * p.experts + p.picked.at[own]), of_top = p.weights.at[own];
    float mean = 0.0;
    for (uint j = 0; j < p.chosen; ++j) mean += p.weights.at[own + j] * p.d.at[own + j];
    for (uint e = 0; e < p.experts; ++e) {
      float gradient = NORMED != 0 ? 0.0 : -exp(load(p.logits, row * p.experts + e) - top) * of_top * mean;
      for (uint j = 0; j < p.chosen; ++j)
        if (p.picked.at[own + j] == e) gradient = p.weights.at[own + j] * (p.d.at[own + j] - mean);
      store(p.dlogits, row * p.experts + e, gradient);
    }
  }
}
