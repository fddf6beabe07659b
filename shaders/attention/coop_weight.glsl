// What the attention kernels on cooperative matrices share: which keys a query sees, weights and their gradients. Numbers, names and meanings as in
// attention/common.glsl.
#ifndef ABLATE_ATTENTION_COOP_WEIGHT_GLSL
#define ABLATE_ATTENTION_COOP_WEIGHT_GLSL
#include "common/coop.glsl"

#define SOFTMAX 0u
#define SOFTMAX1 1u
#define SIGMOID 2u
#define RELU 3u

layout(constant_id = 1) const uint DTYPE = DTYPE_F16;
layout(constant_id = 2) const uint HEAD_DIM = 64;
layout(constant_id = 3) const uint SCORE = SOFTMAX;

const bool NORMALISED = SCORE == SOFTMAX || SCORE == SOFTMAX1;
const float LOWEST = -3.0e38;  // the score of what is not seen, and a maximum of nothing: finite, so that differences of two are 0 and not NaN

// Query i sees key j unless it comes later, lies outside the window (0: none), or is masked (-1: none) for those after it.
bool is_visible(uint i, uint j, uint window, int masked_key) {
  return j <= i && (window == 0 || i - j < window) && !(int(j) == masked_key && i > j);
}
// Whether all these queries see all these keys.
bool all_visible(uint first_query, uint last_query, uint first_key, uint last_key, uint window, int masked_key) {
  const bool masked = masked_key >= int(first_key) && masked_key <= int(last_key) && last_query > uint(max(masked_key, 0));
  return last_key <= first_query && (window == 0 || last_query - first_key < window) && !masked;
}
uint first_key(uint i, uint window) { return window == 0 || i < window ? 0 : i - window + 1; }

float weight_of(float score, float lse, float i) {
  if (SCORE == SIGMOID) return 1.0 / (1.0 + exp(-score));
  if (SCORE == RELU) return max(score, 0.0) / (i + 1.0);
  return exp(score - lse);
}
float score_gradient(float weight, float gradient, float delta, float i) {
  if (SCORE == SIGMOID) return weight * (1.0 - weight) * gradient;
  if (SCORE == RELU) return weight > 0.0 ? gradient / (i + 1.0) : 0.0;
  return weight * (gradient - delta);
}
#endif
