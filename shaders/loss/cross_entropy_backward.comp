#version 460
#include "loss/softmax.glsl"

// dlogits[n] = dy[n] * (softmax(logits[n]) - one_hot(targets[n])), 0 where the target is negative. One workgroup per row.
// logits, dlogits: (rows, vocabulary)   targets, dy: (rows)   statistics: (rows, 2), see cross_entropy
layout(push_constant) uniform Push { In logits; InU32 targets; InF32 statistics; InF32 dy; Out dlogits; uint rows, vocabulary; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const int target = int(p.targets.at[row]);
    const float scale = target < 0 ? 0.0 : p.dy.at[row];
    const Softmax s = Softmax(p.statistics.at[2 * row], p.statistics.at[2 * row + 1]);
    const Span span = span_of(p.logits, row * p.vocabulary, p.vocabulary), out_span = span_of(p.dlogits, row * p.vocabulary, p.vocabulary);
    for (uint i = span.first + lane(); i < span.last; i += lanes())
      store_span(p.dlogits, i, out_span, logit_gradient(load_span(p.logits, i, span, 0.0), s, i, row * p.vocabulary + uint(max(target, 0)), scale));
  }
}
