// What a transformer is: every choice that changes its arithmetic, by the names an experiment file uses.
#pragma once

#include "model/per_layer.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

class Settings;

enum class Position { rope, learned, none };  ///< learned: a table (max_seq_len, d_model) added to the embedding
enum class QkNorm { none, head, full };       ///< before RoPE, over head_dim or over all heads' channels
enum class GateInput {
  hidden,
  embedding,
  constant,
  position
};  ///< what a gate is computed from; constant and position: learned, no projection
enum class AttentionBias {
  none,
  sink_logit,
  k,
  kv
};  ///< learned logit per head without value; learned key (and value), not rotated, always visible
enum class RopeScalingKind { none, linear, dynamic, llama3, yarn, longrope };

/// How RoPE's frequencies are stretched to longer contexts (see rope.h).
struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::none;
  double factor = 1.0;                                ///< linear, dynamic, llama3, yarn
  double low_freq_factor = 1.0;                       ///< llama3
  double high_freq_factor = 4.0;                      ///< llama3
  int original_max_position_embeddings = 8192;        ///< dynamic, llama3, yarn, longrope
  double beta_fast = 32.0, beta_slow = 1.0;           ///< yarn: turns within the original context beyond which, and below which
  bool truncate = true;                               ///< yarn: the two channels are rounded to whole numbers
  double attention_factor = 1.0;                      ///< yarn, longrope: cosines and sines are multiplied by it
  std::vector<double> short_factor{}, long_factor{};  ///< longrope: divisors of the frequencies, up to the original context and beyond
  bool operator==(const RopeScaling&) const = default;
};

/// The keys of a `[model]` table, with the same names. Kinds that anyone may add (norm, gate, ffn, attention) are strings: whoever
/// implements one registers it under that name, and whoever builds the model refuses a name nobody registered.
struct TransformerConfig {
  int vocab_size = 64;
  int d_model = 32;
  int n_layers = 2;
  int n_heads = 4;
  int n_kv_heads = 4;  ///< grouped-query attention: n_heads / n_kv_heads queries share a key
  int head_dim = 8;
  PerLayer<int> d_ffn = 64;  ///< of a mixture: of each expert
  int max_seq_len = 32;
  PerLayer<double> rope_theta = 10000.0;
  PerLayer<double> rotary_share = 1.0;  ///< of each head's channels, how many are rotated, from the first on; 0: a layer without positions
  double norm_eps = 1e-5;
  bool tie_embeddings = false;
  Position position = Position::rope;
  std::string norm =
      "rmsnorm";  ///< rmsnorm | rmsnorm_plus_one (weight 1 + w) | rmsnorm_scalar (one weight for all channels) | layernorm (weight; and bias if layernorm_bias) | dyt: weight * tanh(alpha * x) (+ bias if dyt_bias)
  std::string final_norm = "same";  ///< the norm before lm_head: same | none | a kind of norm
  bool attn_input_norm = true;
  bool ffn_input_norm = true;
  bool output_norm = false;        ///< sandwich: norm on the block output, before the residual add
  bool post_norm = false;          ///< norm on the residual sum
  bool parallel_residual = false;  ///< both blocks of a layer read its input, and the residual stream takes both outputs at once (GPT-NeoX)
  QkNorm qk_norm = QkNorm::none;
  std::string gate = "none";  ///< none | channel | head | token: sigmoid gate on the attention output, before o_proj
  GateInput gate_input = GateInput::hidden;
  std::string value_gate = "none";  ///< none | channel | head | token: the same on the values, of the block's input
  /// swiglu | geglu | geglu_tanh | reglu (gated) | gelu (exact) | gelu_tanh | relu | linear | experts (a mixture of SwiGLUs) | experts_clamped (of
  /// gpt-oss) | attention (a second attention block) | none; the last two are of all layers or of none
  PerLayer<std::string> ffn = "swiglu";
  /// How a layer's first block mixes tokens: attention | gated_deltanet (a state that every token changes; Yang et al. 2024, arXiv 2412.06464)
  PerLayer<std::string> mixer = "attention";
  int linear_key_heads = 0;    ///< of gated_deltanet: heads of keys and queries,
  int linear_value_heads = 0;  ///< and of values, of which linear_value_heads / linear_key_heads share a key
  int linear_key_dim = 0;      ///< channels of each
  int linear_value_dim = 0;
  int linear_taps = 0;                ///< tokens that the convolution before it reaches over, the token itself among them
  std::string attention = "softmax";  ///< softmax | clipped_softmax | softmax1 (denominator + 1) | sigmoid | relu (relu(score) / (i + 1))
  /// clipped_softmax: weights are stretched from (0, 1) to (gamma, zeta) and clipped to [0, 1] (Bondarenko et al. 2023, arXiv 2306.12929, equation 4)
  double attention_gamma = 0.0;
  double attention_zeta = 1.0;
  AttentionBias attention_bias = AttentionBias::none;
  int n_experts = 0;  ///< of a mixture: a router gives each token experts_per_token of them
  int experts_per_token = 0;
  bool norm_expert_weights = false;  ///< the weights of those that were chosen add up to 1; else they are the router's probabilities
  int d_shared_expert = 0;           ///< width of an expert, with a gate of its own, that every token has beside them; 0: there is none
  double swiglu_limit = 7.0;         ///< experts_clamped: (min(max(up, -limit), limit) + 1) * g * sigmoid(alpha * g), g = min(gate, limit)
  double swiglu_alpha = 1.702;
  double attn_alpha = 0.8;  ///< initial alpha of dyt before and after attention, before and after the feed-forward, and before lm_head
  double ffn_alpha = 0.2;
  double final_alpha = 0.2;
  bool dyt_bias = false;
  bool layernorm_bias = false;
  std::optional<std::array<int, 2>> loss_positions;  ///< (a, b): loss on output positions a .. b-1 only

  PerLayer<RopeScaling> rope_scaling;
  PerLayer<int> sliding_window = 0;  ///< 0: none; w: query i sees keys i-w+1 .. i
  bool qkv_bias = false;             ///< biases on q_proj, k_proj, v_proj (Qwen2)
  bool o_bias = false;               ///< bias on o_proj (Llama's attention_bias = true, together with qkv_bias)
  bool ffn_bias = false;             ///< biases on the feed-forward's projections
  double embedding_scale = 1.0;      ///< the token embeddings are multiplied by it
  double attention_scale = 0.0;      ///< of the scores; 0: 1 / sqrt(head_dim)
  double attention_softcap = 0.0;    ///< c: a score s becomes c tanh(s / c); 0: it stays
  double logit_softcap = 0.0;        ///< the same for logits
  int position_offset = 0;           ///< the first row of the table of learned positions that is used; it has so many rows more (OPT)
  int embedding_dim = 0;             ///< width of the token embeddings; not 0: a matrix leads in to d_model, and one out before lm_head
  std::optional<int> bos_token_id;

  /// The Hugging Face class whose names and keys a checkpoint of it has; "": whichever fits. No part of what the model is.
  struct Origin {
    std::string name{};
    bool operator==(const Origin&) const { return true; }
  };
  Origin origin;

  /// Reads a `[model]` table. Absent n_kv_heads is n_heads, head_dim is d_model / n_heads, and d_ffn, once d_model is given, is 8/3 d_model
  /// rounded up to a multiple of 16 (half more where the feed-forward has no gate, so that parameters match). Throws InputError.
  static TransformerConfig from(Settings& model);

  /// Throws InputError naming the key and the reason when the combination makes no sense. `place` says where a key stands ("file.toml:12:
  /// model.head_dim"); without it messages say "model.head_dim".
  using KeyPlace = std::function<std::string(std::string_view key)>;
  void validate(const KeyPlace& place = {}) const;

  /// The norm before lm_head with "same" resolved.
  const std::string& final_norm_kind() const { return final_norm == "same" ? norm : final_norm; }
  bool attends(int layer) const { return mixer[layer] == "attention"; }
  /// Whether a layer's first block is another than attention.
  bool has_other_mixers() const {
    return mixer.any([](const std::string& kind) { return kind != "attention"; });
  }
  /// Blocks that attend, or have another mixer: rows of tables with one for each layer's heads.
  int mixing_blocks() const { return n_layers * (second_is_attention() ? 2 : 1); }
  bool has_ffn() const { return ffn[0] != "none"; }
  /// Whether the second block of each layer is attention too.
  bool second_is_attention() const { return ffn[0] == "attention"; }
  bool is_mixture(int layer) const { return ffn[layer].starts_with("experts"); }
  bool has_mixture() const {
    return ffn.any([](const std::string& kind) { return kind.starts_with("experts"); });
  }
  /// Sub-blocks that add to the residual stream: 2 per layer, or 1 without a feed-forward.
  int blocks() const { return n_layers * (has_ffn() ? 2 : 1); }
  /// Blocks whose outputs are added together: all that lie between one residual state and the next.
  int blocks_per_state() const { return parallel_residual && has_ffn() ? 2 : 1; }
  /// Residual states, the embedding among them.
  int states() const { return blocks() / blocks_per_state() + 1; }
  int embedding_width() const { return embedding_dim > 0 ? embedding_dim : d_model; }
  /// Channels of each head that layer rotates: an even number, 0 without RoPE.
  int rotated_channels(int layer) const {
    return position == Position::rope ? static_cast<int>(head_dim * rotary_share[layer]) / 2 * 2 : 0;
  }

  bool operator==(const TransformerConfig&) const = default;
};

std::string_view name_of(Position value);
std::string_view name_of(QkNorm value);
std::string_view name_of(GateInput value);
std::string_view name_of(AttentionBias value);
std::string_view name_of(RopeScalingKind value);

}  // namespace ablate
