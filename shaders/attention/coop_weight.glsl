// What the attention kernels on cooperative matrices share: weights and their gradients. Numbers, names and meanings as in attention/common.glsl.
#ifndef ABLATE_ATTENTION_COOP_WEIGHT_GLSL
#define ABLATE_ATTENTION_COOP_WEIGHT_GLSL
#include "common/coop.glsl"
#include "attention/visible.glsl"

#define SOFTMAX 0u
#define SOFTMAX1 1u
#define SIGMOID 2u
#define RELU 3u

layout(constant_id = 1) const uint DTYPE = DTYPE_F16;
layout(constant_id = 2) const uint HEAD_DIM = 64;
layout(constant_id = 3) const uint SCORE = SOFTMAX;

const bool NORMALISED = SCORE == SOFTMAX || SCORE == SOFTMAX1;

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
