// What the launches of attention's kernels share.
#pragma once

#include "ops/attention.h"

namespace ablate {

/// Checked shapes and options of one attention.
struct AttentionProblem {
  Tensor q, k, v;
  AttentionOptions options;
  std::uint32_t batch = 0, tokens = 0, score = 0;
  UserShaderHandle user;
  Tensor known_lse{};  ///< of a clipped softmax: the log-sum-exp of its scores, from the pass before

  /// `v` may be empty where only weights are wanted. Throws InputError when shapes or options do not fit.
  AttentionProblem(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

  bool clipped() const { return score == 5; }
  /// Whether weights come from scores and a log-sum-exp, rather than from the score alone.
  bool normalised() const { return score < 2 || clipped(); }
  /// The same with the softmax before it is clipped.
  AttentionProblem unclipped() const;
  float scale() const;
  /// Whether there are queries that see first keys outside the window.
  bool keeps_first() const { return options.keep_first > 0 && options.window < tokens; }
  /// (query, key) pairs over batch and heads where the query sees the key: what the arithmetic is counted in.
  double pairs() const;

  /// The kernel's name, with the user's score in it if there is one.
  std::string kernel(const char* name) const { return kernel_with(name, user); }
  /// DTYPE, HEAD_DIM, SCORE, LEARNED, SINKS, BIAS_TYPE and `more`.
  Specialization constants(Specialization more = {}) const;
  /// `constants(more)` of kernels that know masked_keys.
  Specialization masked_constants(Specialization more = {}) const;
  /// A cut by sequences: each of `tensors` has so many elements for a sequence. `batch`: where the push constants count the sequences.
  Cut cut(std::vector<Cut::Share> tensors, std::uint32_t batch) const;
  std::uint64_t query_elements() const { return std::uint64_t{tokens} * options.heads * options.head_dim; }   ///< of a sequence: q, y
  std::uint64_t key_elements() const { return std::uint64_t{tokens} * options.kv_heads * options.head_dim; }  ///< k, v
  std::uint64_t row_elements() const { return std::uint64_t{tokens} * options.heads; }                        ///< lse, delta

  /// `pointers`, then batch, tokens, heads, kv_heads, window, masked_key, scale: the push constants of every kernel.
  std::vector<PushValue> push(std::vector<PushValue> pointers) const;
  /// q, k, lse, k_bias, masked_keys, first_q, then `pointers`, then as push(), then keep_first: those of kernels that recompute weights
  /// (shaders/attention/weight.glsl); and their constants.
  std::vector<PushValue> weight_push(const std::vector<PushValue>& pointers, const Tensor& lse) const;
  Specialization weight_constants(Specialization more = {}) const;
};

}  // namespace ablate
