// What the attention kernels share: weights and their gradients from scores.
#ifndef ABLATE_ATTENTION_GLSL
#define ABLATE_ATTENTION_GLSL
#include "common/kernel.glsl"
#include "attention/visible.glsl"
#include "user/functions/attention.glsl"

#define SOFTMAX 0u
#define SOFTMAX1 1u
#define SIGMOID 2u
#define RELU 3u
#define USER 4u
#define CLIPPED_SOFTMAX 5u

layout(constant_id = 2) const uint HEAD_DIM = 64;
layout(constant_id = 3) const uint SCORE = SOFTMAX;
layout(constant_id = 4) const uint BIAS_TYPE = DTYPE_F32;  // element type of the learned key and value
// What there is, known when the pipeline is made: a driver may load through a null pointer under a condition that is false.
layout(constant_id = 10) const uint LEARNED = 0;  // 1: a learned key, 2: and its value
layout(constant_id = 11) const uint SINKS = 0;    // a sink logit per head
layout(constant_id = 12) const uint MASKED = 0;   // a table of keys that are hidden from the queries after them
// Of a clipped softmax, the bits of two floats: weights are stretched from (0, 1) to (GAMMA, ZETA), then clipped to [0, 1].
layout(constant_id = 15) const uint GAMMA = 0;
layout(constant_id = 16) const uint ZETA = 0x3f800000;

// table: (heads, tokens), not 0 where hidden
#define is_masked(table, head, tokens, i, j) (MASKED != 0 && (i) > (j) && (table).at[(head) * (tokens) + (j)] != 0.0)

const bool NORMALISED = SCORE == SOFTMAX || SCORE == SOFTMAX1;  // by a kernel that meets the scores for the first time

// Of a softmax's weight (Bondarenko et al. 2023, arXiv 2306.12929, equation 4). What is below GAMMA / (GAMMA - ZETA) becomes exactly 0.
float stretched(float weight) { return fma(uintBitsToFloat(ZETA) - uintBitsToFloat(GAMMA), weight, uintBitsToFloat(GAMMA)); }
float clipped(float weight) {
  const float x = stretched(weight);
  return is_nan(x) ? x : clamp(x, 0.0, 1.0);
}
// Gradient of the softmax's weight from that of the clipped one. With a ZETA of 1 no weight is clipped from above, though that of an only key may be rounded to
// more than 1.
float unclipped_gradient(float weight, float gradient) {
  const float x = stretched(weight);
  return x < 0.0 || (x > 1.0 && uintBitsToFloat(ZETA) > 1.0) ? 0.0 : (uintBitsToFloat(ZETA) - uintBitsToFloat(GAMMA)) * gradient;
}

// The weight of a key, from its score (LOWEST: 0) and the query's log-sum-exp.
float weight_of(float score, float lse, uint i) {
  if (SCORE == SIGMOID) return 1.0 / (1.0 + exp(-score));
  if (SCORE == RELU) return score > 0.0 || is_nan(score) ? score / float(i + 1) : 0.0;
  if (SCORE == USER) return score == LOWEST ? 0.0 : forward(score, i);
  if (SCORE == CLIPPED_SOFTMAX) return clipped(exp(score - lse));
  return exp(score - lse);
}

// What a weight adds to its query's total: kernels of a user may be negative, and the total is that of magnitudes (Gu et al. 2025).
float counted(float weight) { return SCORE == USER ? abs(weight) : weight; }

// Gradient of a key's score from the score, its query's log-sum-exp, its weight, the weight's gradient, and delta = sum over keys of weight times gradient
// (of a clipped softmax those before clipping: delta_of()).
float score_gradient(float score, float lse, float weight, float gradient, float delta, uint i) {
  if (SCORE == SIGMOID) return weight * (1.0 - weight) * gradient;
  if (SCORE == RELU) return weight > 0.0 ? gradient / float(i + 1) : 0.0;
  if (SCORE == USER) return score == LOWEST ? 0.0 : backward(score, i) * gradient;
  if (SCORE == CLIPPED_SOFTMAX) return exp(score - lse) * (unclipped_gradient(exp(score - lse), gradient) - delta);
  return weight * (gradient - delta);
}

// What a key of a clipped softmax adds to its query's delta.
float delta_of(float score, float lse, float gradient) { return exp(score - lse) * unclipped_gradient(exp(score - lse), gradient); }
#endif
