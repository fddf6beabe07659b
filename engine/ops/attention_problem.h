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

  /// `v` may be empty where only weights are wanted. Throws InputError when shapes or options do not fit.
  AttentionProblem(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

  bool normalised() const { return score < 2; }
  float scale() const;
  /// (query, key) pairs over batch and heads where the query sees the key: what the arithmetic is counted in.
  double pairs() const;

  /// The kernel's name, with the user's score in it if there is one.
  std::string kernel(const char* name) const { return kernel_with(name, user); }
  /// DTYPE, HEAD_DIM, SCORE, LEARNED, SINKS, BIAS_TYPE and `more`.
  Specialization constants(Specialization more = {}) const;
  /// `constants(more)` of kernels that know masked_keys.
  Specialization masked_constants(Specialization more = {}) const;
  /// `pointers`, then batch, tokens, heads, kv_heads, window, masked_key, scale: the push constants of every kernel.
  std::vector<PushValue> push(std::vector<PushValue> pointers) const;
};

}  // namespace ablate
