#version 460
#include "common/reduce.glsl"

// Of each row of logits the `chosen` largest, the largest first (of equals the one before), and their weights: the softmax over all, or, NORMED, over them.
// logits: (rows, experts)   picked, weights: (rows, chosen)
layout(constant_id = 3) const uint NORMED = 0;
layout(push_constant) uniform Push { In logits; OutU32 picked; InOutF32 weights; uint rows, experts, chosen; } p;

float logit(uint row, uint e) { return load(p.logits, row * p.experts + e); }

void main() {
  for (uint row = first_item(); row < p.rows; row += item_stride()) {
    uint last_order = 0xffffffffu, last = 0xffffffffu;  // what was picked last: the next is below it, or equal and after it
    float top = 0.0, sum = 0.0;
    for (uint j = 0; j < p.chosen; ++j) {
      uint best_order = 0, best = p.experts;
      for (uint e = 0; e < p.experts; ++e) {
        const uint order = order_of(logit(row, e));
        const bool left = last == 0xffffffffu || order < last_order || (order == last_order && e > last);
        if (left && (best == p.experts || order > best_order)) best_order = order, best = e;
      }
      last_order = best_order, last = best;
      const float x = logit(row, best);
      if (j == 0) top = x;
      sum += exp(x - top);
      p.picked.at[row * p.chosen + j] = best;
      p.weights.at[row * p.chosen + j] = exp(x - top);
    }
    if (NORMED == 0) {
      sum = 0.0;
      for (uint e = 0; e < p.experts; ++e) sum += exp(logit(row, e) - top);
    }
    for (uint j = 0; j < p.chosen; ++j) p.weights.at[row * p.chosen + j] /= sum;
  }
}
