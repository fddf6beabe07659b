// What a row's softmax needs: its largest element and the sum of exp(x - largest), in one pass over the row.
#ifndef ABLATE_SOFTMAX_GLSL
#define ABLATE_SOFTMAX_GLSL
#include "common/reduce.glsl"
#include "common/span.glsl"

struct Softmax {
  float top, sum;
};

Softmax softmax_at(Words x, Span row) {
  const float lowest = -3.4028235e38, nothing = uintBitsToFloat(0xff800000u);  // exp(nothing - top) is 0 for every finite top
  float top = lowest, sum = 0.0;
  for (uint base = row.first + lane(); base < row.last; base += 4 * lanes()) {
    vec4 v[4];
    [[unroll]] for (uint j = 0; j < 4; ++j) v[j] = load_span(x, base + j * lanes(), row, nothing);
    const vec4 most = max(max(v[0], v[1]), max(v[2], v[3]));
    const float before = top;
    top = max(top, max(max(most.x, most.y), max(most.z, most.w)));
    sum *= exp(before - top);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const vec4 e = exp(v[j] - top);
      sum += (e.x + e.y) + (e.z + e.w);
    }
  }
  const float all_top = workgroup_max(top);
  return Softmax(all_top, workgroup_sum(sum * exp(top - all_top)));
}
#define softmax_of(x, row) softmax_at(Words(x), row)

float loss_of(Softmax s, float target_logit) { return (s.top - target_logit) + log(s.sum); }

// scale * (softmax - one_hot(target)) for a group of four: what reaches the logits.
vec4 logit_gradient(vec4 x, Softmax s, uint group, uint target, float scale) {
  const vec4 hot = vec4(equal(4 * group + uvec4(0, 1, 2, 3), uvec4(target)));
  return (exp(x - s.top) / s.sum - hot) * scale;
}
#endif
