#version 460
#include "loss/softmax.glsl"

// losses[n] = log sum exp(logits[n]) - logits[n, targets[n]], 0 where the target is negative. One workgroup per row. statistics keeps each row's largest logit
// and sum of exponentials for the backward pass.   logits: (rows, vocabulary)   targets, losses: (rows)   statistics: (rows, 2), may be null
layout(push_constant) uniform Push { In logits; InU32 targets; OutF32 losses; OutF32 statistics; uint rows, vocabulary; float cap; } p;

void main() {
  for (uint row = first_row(); row < p.rows; row += row_stride()) {
    const int target = int(p.targets.at[row]);
    const Softmax s = softmax_of(p.logits, row_span_of(p.logits, row, p.vocabulary), p.cap);
    if (lane() == 0) {
      p.losses.at[row] = target < 0 ? 0.0 : loss_of(s, bounded(load(p.logits, row * p.vocabulary + uint(max(target, 0))), p.cap));
      if (!is_null(p.statistics)) {
        p.statistics.at[2 * row] = s.top;
        p.statistics.at[2 * row + 1] = s.sum;
      }
    }
  }
}
