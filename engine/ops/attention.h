// Causal attention, fused: scores and weights are never stored (Dao et al. 2022, FlashAttention; online softmax of Milakov and Gimelshein 2018).
#pragma once

#include "ops/user/user_shader.h"

#include <string>

namespace ablate {

/// How weights come from scores, by name.
struct AttentionScore {
  static constexpr std::uint32_t user_code = 4;
  std::uint32_t code;          ///< what shaders/attention/common.glsl knows it by
  UserShaderHandle user = {};  ///< the functions behind user_code
};
using AttentionScores = Registry<AttentionScore>;

/// One attention's arithmetic. Scores are scale * q . k; query i sees the keys j <= i.
struct AttentionOptions {
  std::uint32_t heads = 0, kv_heads = 0, head_dim = 0;  ///< query head h uses key and value head h / (heads / kv_heads)
  /// Weights from scores: softmax; clipped_softmax, min(max((zeta - gamma) softmax + gamma, 0), 1) (Bondarenko et al. 2023, arXiv 2306.12929, equation 4);
  /// softmax1, whose denominator has one more term 1 (Miller 2023); sigmoid, not normalised;
  /// relu, relu(score) / (i + 1) (Guo et al. 2024); or what an experiment file brings, not normalised.
  std::string score = "softmax";
  float gamma = 0, zeta = 1;  ///< of clipped_softmax: gamma <= 0, zeta >= 1
  float scale = 0;            ///< of the scores; 0: 1 / sqrt(head_dim)
  float softcap = 0;          ///< cap * tanh(score / cap) takes the score's place (Gemma 2); 0: none. Not in the cooperative-matrix kernels
  std::uint32_t window = 0;   ///< sliding window: query i sees the keys i - window + 1 .. i; 0: all
  Tensor sinks{};             ///< (heads) f32: a learned logit per head in the softmax's denominator, without a value. Only with softmax
  Tensor k_bias{};  ///< (kv_heads, head_dim), f32 or q's type: a learned key before all others, visible to every query, not rotated
  Tensor v_bias{};  ///< the same shape: its value; zeros if absent
  /// Intervention: queries i > masked_key give this key weight 0 (before normalisation). The key's own query keeps it, so that no row is empty.
  /// Counts tokens, not the learned key. -1: none.
  std::int32_t masked_key = -1;
  /// The same for any keys of any heads: (heads, T) f32, not 0 where a key is hidden. Only forward, in the kernels rows, tiles and small_tiles. None.
  Tensor masked_keys{};
  /// A stream (Xiao et al. 2024, arXiv 2309.17453): keys 0 .. keep_first - 1 that the window has left behind are seen all the same, by queries that stand
  /// where `first_q` has them, of q's shape. With a window; only forward.
  std::uint32_t keep_first = 0;
  Tensor first_q{};
  /// Which kernel: "" the best for the device and shape; or by name: rows (for CPUs), tiles, small_tiles (f32 arithmetic, shared memory), coopmat (KHR
  /// cooperative matrix, 16-bit types). For tests and benchmarks. Throws InputError when it cannot run.
  std::string kernel{};
};

struct AttentionResult {
  Tensor y;  ///< (B, T, heads * head_dim), q's type
  /// (B, heads, T) f32: log-sum-exp of a query's scores, sink and learned key included, before any clipping. For scores that are not normalised, which need none, the sum of its weights'
  /// magnitudes.
  Tensor lse;
};

/// q: (B, T, heads * head_dim), k, v: (B, T, kv_heads * head_dim), all of one type. Never stores T x T, in either direction.
/// Differentiable in q, k, v, sinks, k_bias and v_bias; gradients repeat bitwise. Throws InputError when shapes or options do not fit.
AttentionResult attention(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

/// Columns of the full map: the learned key, if there is one, then the T tokens.
inline std::uint32_t attention_columns(const Tensor& q, const AttentionOptions& options) { return q.dim(1) + (options.k_bias ? 1u : 0u); }

/// Every weight, (B, heads, T, attention_columns) f32, zeros where a query does not see a key. Only for dumps: T x T memory.
Tensor attention_map(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options);

}  // namespace ablate
