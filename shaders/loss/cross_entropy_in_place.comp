#version 460
#include "loss/softmax.glsl"

// Losses of a chunk of logits, which then become scale * (softmax - one_hot(target)) where they are; 0 where the target is negative. One workgroup per row.
// logits: (rows, vocabulary)   targets, losses: (rows)   scale: (1)
layout(push_constant) uniform Push { InOut logits; InU32 targets; InF32 scale; OutF32 losses; uint rows, vocabulary; float cap; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const int target = int(p.targets.at[row]);
    const uint at = row * p.vocabulary + uint(max(target, 0));
    const float scale = target < 0 ? 0.0 : p.scale.at[0];
    const Span span = span_of(p.logits, row * p.vocabulary, p.vocabulary);
    const Softmax s = softmax_of(p.logits, span, p.cap);
    // The lane that overwrites the target's logit is the one that has read it, and writes the loss.
    for_singles(i, span) {
      const float x = bounded(load(p.logits, i), p.cap);
      if (i == at) p.losses.at[row] = target < 0 ? 0.0 : loss_of(s, x);
      store(p.logits, i, logit_gradient(x, s, i == at, scale) * bounded_slope(x, p.cap));
    }
    for_groups(base, span) {
      vec4 x[4];
      load_groups(p.logits, base, span, 0.0, x);
      [[unroll]] for (uint j = 0; j < 4; ++j) {
        const uint i = base + j * lanes();
        if (i >= span.last) continue;
        x[j] = bounded(x[j], p.cap);
        if (at / 4 == i) p.losses.at[row] = target < 0 ? 0.0 : loss_of(s, x[j][at % 4]);
        store4(p.logits, i, logit_gradient(x[j], s, i, at, scale) * bounded_slope(x[j], p.cap));
      }
    }
  }
}
