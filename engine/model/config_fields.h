// The one list of TransformerConfig's keys: experiment files, config.json and comparisons of configurations all walk it.
#pragma once

#include "model/config.h"

namespace ablate {

/// Calls visit(key, member) for every key but the nested `rope_scaling`, in the order of the struct. `config` may be const.
template <class Config, class Visit>
void visit_fields(Config& config, Visit&& visit) {
  visit({"vocab_size", "tokens that the model knows"}, config.vocab_size);
  visit({"d_model", "channels of the residual stream"}, config.d_model);
  visit({"n_layers", "layers, each of an attention and a feed-forward block"}, config.n_layers);
  visit({"n_heads", "query heads"}, config.n_heads);
  visit({"n_kv_heads", "key and value heads, each shared by n_heads / n_kv_heads queries; n_heads if absent"}, config.n_kv_heads);
  visit({"head_dim", "channels of a head; d_model / n_heads if absent"}, config.head_dim);
  visit({"d_ffn", "channels inside the feed-forward, or inside each expert; 8/3 d_model if absent"}, config.d_ffn);
  visit({"max_seq_len", "longest sequence, in tokens"}, config.max_seq_len);
  visit({"rope_theta", "base of the rotary frequencies, one or one a layer"}, config.rope_theta);
  visit({"rotary_share", "share of each head's channels that are rotated; 0: a layer without positions"}, config.rotary_share);
  visit({"norm_eps", "added to the mean square, or the variance, in norms"}, config.norm_eps);
  visit({"tie_embeddings", "the matrix of logits is the token embedding"}, config.tie_embeddings);
  visit({"position", "how tokens know their position"}, config.position);
  visit({"norm", "kind of norm"}, config.norm);
  visit({"final_norm", "norm in front of the matrix of logits; \"same\": as norm"}, config.final_norm);
  visit({"attn_input_norm", "a norm in front of attention"}, config.attn_input_norm);
  visit({"ffn_input_norm", "a norm in front of the feed-forward"}, config.ffn_input_norm);
  visit({"output_norm", "a norm on each block's output, before it is added to the residual stream (sandwich)"}, config.output_norm);
  visit({"post_norm", "a norm on the residual stream after each block"}, config.post_norm);
  visit({"parallel_residual", "both blocks of a layer read its input (GPT-NeoX)"}, config.parallel_residual);
  visit({"qk_norm", "a norm of queries and keys before RoPE, over a head's channels or over all"}, config.qk_norm);
  visit({"gate", "sigmoid gate on the attention output, before o_proj"}, config.gate);
  visit({"gate_input", "what the gate is computed from"}, config.gate_input);
  visit({"value_gate", "sigmoid gate on the values, from the input of the block"}, config.value_gate);
  visit({"ffn", "kind of feed-forward, one or one a layer"}, config.ffn);
  visit({"n_experts", "experts of a mixture"}, config.n_experts);
  visit({"experts_per_token", "experts that the router gives each token"}, config.experts_per_token);
  visit({"norm_expert_weights", "weights of the chosen experts add up to 1"}, config.norm_expert_weights);
  visit({"d_shared_expert", "width of an expert that every token has beside the chosen ones; 0: none"}, config.d_shared_expert);
  visit({"swiglu_limit", "of experts_clamped: bound of gate and up"}, config.swiglu_limit);
  visit({"swiglu_alpha", "of experts_clamped: factor inside the sigmoid"}, config.swiglu_alpha);
  visit({"mixer", "kind of the layer's first block, one or one a layer: attention or gated_deltanet"}, config.mixer);
  visit({"linear_key_heads", "key heads of Gated DeltaNet"}, config.linear_key_heads);
  visit({"linear_value_heads", "value heads of Gated DeltaNet"}, config.linear_value_heads);
  visit({"linear_key_dim", "channels of its key heads"}, config.linear_key_dim);
  visit({"linear_value_dim", "channels of its value heads"}, config.linear_value_dim);
  visit({"linear_taps", "tokens that its short convolution reaches over"}, config.linear_taps);
  visit({"attention", "how scores become weights"}, config.attention);
  visit({"attention_gamma",
         "of clipped_softmax: what a weight of 0 is stretched to before clipping, 0 or less; the paper's is -alpha / T, alpha 2 to 4"},
        config.attention_gamma);
  visit({"attention_zeta", "of clipped_softmax: what a weight of 1 is stretched to before clipping, 1 or more"}, config.attention_zeta);
  visit({"attention_bias", "learned logit, key, or key and value that every query sees (Gu et al. 2025)"}, config.attention_bias);
  visit({"attn_alpha", "first alpha of dyt around attention"}, config.attn_alpha);
  visit({"ffn_alpha", "first alpha of dyt around the feed-forward"}, config.ffn_alpha);
  visit({"final_alpha", "first alpha of dyt before the matrix of logits"}, config.final_alpha);
  visit({"dyt_bias", "dyt has a bias"}, config.dyt_bias);
  visit({"layernorm_bias", "layernorm has a bias"}, config.layernorm_bias);
  visit({"loss_positions", "[a, b]: loss on output positions a to b-1 only"}, config.loss_positions);
  visit({"sliding_window", "keys that a query sees, itself included, one or one a layer; 0: all before it"}, config.sliding_window);
  visit({"qkv_bias", "biases on the query, key and value projections"}, config.qkv_bias);
  visit({"o_bias", "a bias on the output projection of attention"}, config.o_bias);
  visit({"ffn_bias", "biases on the feed-forward's projections"}, config.ffn_bias);
  visit({"embedding_scale", "factor of the token embeddings"}, config.embedding_scale);
  visit({"attention_scale", "factor of the scores; 0: 1 / sqrt(head_dim)"}, config.attention_scale);
  visit({"attention_softcap", "c: a score s becomes c tanh(s / c); 0: it stays"}, config.attention_softcap);
  visit({"logit_softcap", "the same for logits"}, config.logit_softcap);
  visit({"position_offset", "first row that is used of the table of learned positions"}, config.position_offset);
  visit({"embedding_dim", "width of the token embeddings, where it is not d_model"}, config.embedding_dim);
  visit({"bos_token_id", "id of the beginning-of-sequence token"}, config.bos_token_id);
}

/// The keys of the nested table `rope_scaling`.
template <class Scaling, class Visit>
void visit_rope_scaling(Scaling& scaling, Visit&& visit) {
  visit({"kind", "how rotary frequencies are stretched to longer contexts"}, scaling.kind);
  visit({"factor", "how many times longer"}, scaling.factor);
  visit({"low_freq_factor", "of llama3"}, scaling.low_freq_factor);
  visit({"high_freq_factor", "of llama3"}, scaling.high_freq_factor);
  visit({"original_max_position_embeddings", "context before it was stretched"}, scaling.original_max_position_embeddings);
  visit({"beta_fast", "of yarn: turns beyond which a frequency stays"}, scaling.beta_fast);
  visit({"beta_slow", "of yarn: turns below which it is divided"}, scaling.beta_slow);
  visit({"truncate", "of yarn: the bounds are rounded to whole channels"}, scaling.truncate);
  visit({"attention_factor", "of yarn and longrope: factor of cosines and sines"}, scaling.attention_factor);
  visit({"short_factor", "of longrope: divisors up to the original context"}, scaling.short_factor);
  visit({"long_factor", "of longrope: divisors beyond it"}, scaling.long_factor);
}

/// Every name an enum key can have, in the order of the enum's values.
template <class Enum>
inline constexpr std::array<std::string_view, 0> names_of{};
template <>
inline constexpr std::array<std::string_view, 3> names_of<Position>{"rope", "learned", "none"};
template <>
inline constexpr std::array<std::string_view, 3> names_of<QkNorm>{"none", "head", "full"};
template <>
inline constexpr std::array<std::string_view, 4> names_of<GateInput>{"hidden", "embedding", "constant", "position"};
template <>
inline constexpr std::array<std::string_view, 4> names_of<AttentionBias>{"none", "sink_logit", "k", "kv"};
template <>
inline constexpr std::array<std::string_view, 6> names_of<RopeScalingKind>{"none", "linear", "dynamic", "llama3", "yarn", "longrope"};

}  // namespace ablate
