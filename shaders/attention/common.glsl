// What the attention kernels share: which keys a query sees, and weights and their gradients from scores.
#ifndef ABLATE_ATTENTION_GLSL
#define ABLATE_ATTENTION_GLSL
#include "common/kernel.glsl"
#include "user/functions/attention.glsl"

#define SOFTMAX 0u
#define SOFTMAX1 1u
#define SIGMOID 2u
#define RELU 3u
#define USER 4u

layout(constant_id = 2) const uint HEAD_DIM = 64;
layout(constant_id = 3) const uint SCORE = SOFTMAX;
layout(constant_id = 4) const uint BIAS_TYPE = DTYPE_F32;  // element type of the learned key and value
// What there is, known when the pipeline is made: a driver may load through a null pointer under a condition that is false.
layout(constant_id = 10) const uint LEARNED = 0;  // 1: a learned key, 2: and its value
layout(constant_id = 11) const uint SINKS = 0;    // a sink logit per head

const bool NORMALISED = SCORE == SOFTMAX || SCORE == SOFTMAX1;
const float LOWEST = -3.0e38;  // the score of what is not seen, and a maximum of nothing: finite, so that differences of two are 0 and not NaN

// Query i sees key j unless it comes later, lies outside the window (0: none), or is masked (-1: none) for those after it.
bool is_visible(uint i, uint j, uint window, int masked_key) {
  return j <= i && (window == 0 || i - j < window) && !(int(j) == masked_key && i > j);
}
// Whether all of these queries see all of these keys.
bool all_visible(uint first_query, uint last_query, uint first_key, uint last_key, uint window, int masked_key) {
  const bool masked = masked_key >= int(first_key) && masked_key <= int(last_key) && last_query > uint(max(masked_key, 0));
  return last_key <= first_query && (window == 0 || last_query - first_key < window) && !masked;
}
// Keys [first_key, i] are all that query i may see.
uint first_key(uint i, uint window) { return window == 0 || i < window ? 0 : i - window + 1; }

// The weight of a key, from its score (LOWEST: 0) and the query's log-sum-exp.
float weight_of(float score, float lse, uint i) {
  if (SCORE == SIGMOID) return 1.0 / (1.0 + exp(-score));
  if (SCORE == RELU) return max(score, 0.0) / float(i + 1);
  if (SCORE == USER) return score == LOWEST ? 0.0 : forward(score, i);
  return exp(score - lse);
}

// Gradient of a key's score from the score, its weight, the weight's gradient, and delta = sum over keys of weight times gradient.
float score_gradient(float score, float weight, float gradient, float delta, uint i) {
  if (SCORE == SIGMOID) return weight * (1.0 - weight) * gradient;
  if (SCORE == RELU) return weight > 0.0 ? gradient / float(i + 1) : 0.0;
  if (SCORE == USER) return score == LOWEST ? 0.0 : backward(score, i) * gradient;
  return weight * (gradient - delta);
}
#endif
