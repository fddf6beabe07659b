// What a row's softmax needs: its largest element and the sum of exp(x - largest), in one pass over the row. With a cap > 0 a logit x counts as
// cap tanh(x / cap) (Gemma 2).
#ifndef ABLATE_SOFTMAX_GLSL
#define ABLATE_SOFTMAX_GLSL
#include "common/math.glsl"
#include "common/reduce.glsl"
#include "common/span.glsl"

struct Softmax {
  float top, sum;
};

float bounded(float x, float cap) { return cap > 0.0 ? cap * tanh_of(x / cap) : x; }
vec4 bounded(vec4 x, float cap) { return cap > 0.0 ? cap * tanh_of(x / cap) : x; }
// The derivative of a logit that came out as y.
float bounded_slope(float y, float cap) { return cap > 0.0 ? 1.0 - sq(y / cap) : 1.0; }
vec4 bounded_slope(vec4 y, float cap) { return cap > 0.0 ? 1.0 - (y / cap) * (y / cap) : vec4(1.0); }

void raise(inout Softmax s, float top) {
  const float before = s.top;
  s.top = max(s.top, top);
  s.sum *= exp(before - s.top);
}

Softmax softmax_at(Words x, Span row, float cap) {
  const float lowest = -3.4028235e38, nothing = uintBitsToFloat(0xff800000u);  // exp(nothing - top) is 0 for every finite top
  Softmax s = Softmax(lowest, 0.0);
  for_singles(i, row) {
    const float v = bounded(load(x, i), cap);
    raise(s, v);
    s.sum += exp(v - s.top);
  }
  for_groups(base, row) {
    vec4 v[4];
    load_groups(x, base, row, nothing, v);
    [[unroll]] for (uint j = 0; j < 4; ++j)
      if (base + j * lanes() < row.last) v[j] = bounded(v[j], cap);
    const vec4 most = max(max(v[0], v[1]), max(v[2], v[3]));
    raise(s, max(max(most.x, most.y), max(most.z, most.w)));
    vec4 sum = vec4(0.0);
    [[unroll]] for (uint j = 0; j < 4; ++j) sum += exp(v[j] - s.top);
    s.sum += (sum.x + sum.y) + (sum.z + sum.w);
  }
  const float top = workgroup_max(s.top);
  return Softmax(top, workgroup_sum(s.sum * exp(s.top - top)));
}
#define softmax_of(x, row, cap) softmax_at(Words(x), row, cap)

float loss_of(Softmax s, float target_logit) { return (s.top - target_logit) + log(s.sum); }

// scale * (softmax - one_hot(target)) of elements: what reaches the logits.
float logit_gradient(float x, Softmax s, bool hot, float scale) { return exp(x - s.top) * (scale / s.sum) - (hot ? scale : 0.0); }
vec4 logit_gradient(vec4 x, Softmax s, uint group, uint target, float scale) {
  return exp(x - s.top) * (scale / s.sum) - mix(vec4(0.0), vec4(scale), equal(4 * group + uvec4(0, 1, 2, 3), uvec4(target)));
}
#endif
