#version 460
#include "loss/softmax.glsl"

// dlogits[n] = dy[n] * (softmax(logits[n]) - one_hot(targets[n])), 0 where the target is negative. One workgroup per row.
// logits, dlogits: (rows, vocabulary)   targets, dy: (rows)   statistics: (rows, 2), see cross_entropy
layout(push_constant) uniform Push { In logits; InU32 targets; InF32 statistics; InF32 dy; Out dlogits; uint rows, vocabulary; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const int target = int(p.targets.at[row]);
    const uint at = row * p.vocabulary + uint(max(target, 0));
    const float scale = target < 0 ? 0.0 : p.dy.at[row];
    const Softmax s = Softmax(p.statistics.at[2 * row], p.statistics.at[2 * row + 1]);
    const Span span = span_of(p.logits, row * p.vocabulary, p.vocabulary);
    for_singles(i, span) store(p.dlogits, i, logit_gradient(load(p.logits, i), s, i == at, scale));
    for (uint i = span.first + lane(); i < span.last; i += lanes()) store4(p.dlogits, i, logit_gradient(load4(p.logits, i), s, i, at, scale));
  }
}
