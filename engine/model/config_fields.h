// The one list of TransformerConfig's keys: experiment files, config.json and comparisons of configurations all walk it.
#pragma once

#include "model/config.h"

namespace ablate {

/// Calls visit(key, member) for every key but the nested `rope_scaling`, in the order of the struct. `config` may be const.
template <class Config, class Visit>
void visit_fields(Config& config, Visit&& visit) {
  visit("vocab_size", config.vocab_size);
  visit("d_model", config.d_model);
  visit("n_layers", config.n_layers);
  visit("n_heads", config.n_heads);
  visit("n_kv_heads", config.n_kv_heads);
  visit("head_dim", config.head_dim);
  visit("d_ffn", config.d_ffn);
  visit("max_seq_len", config.max_seq_len);
  visit("rope_theta", config.rope_theta);
  visit("rotary_share", config.rotary_share);
  visit("norm_eps", config.norm_eps);
  visit("tie_embeddings", config.tie_embeddings);
  visit("position", config.position);
  visit("norm", config.norm);
  visit("final_norm", config.final_norm);
  visit("attn_input_norm", config.attn_input_norm);
  visit("ffn_input_norm", config.ffn_input_norm);
  visit("output_norm", config.output_norm);
  visit("post_norm", config.post_norm);
  visit("parallel_residual", config.parallel_residual);
  visit("qk_norm", config.qk_norm);
  visit("gate", config.gate);
  visit("gate_input", config.gate_input);
  visit("value_gate", config.value_gate);
  visit("ffn", config.ffn);
  visit("n_experts", config.n_experts);
  visit("experts_per_token", config.experts_per_token);
  visit("norm_expert_weights", config.norm_expert_weights);
  visit("d_shared_expert", config.d_shared_expert);
  visit("swiglu_limit", config.swiglu_limit);
  visit("swiglu_alpha", config.swiglu_alpha);
  visit("mixer", config.mixer);
  visit("linear_key_heads", config.linear_key_heads);
  visit("linear_value_heads", config.linear_value_heads);
  visit("linear_key_dim", config.linear_key_dim);
  visit("linear_value_dim", config.linear_value_dim);
  visit("linear_taps", config.linear_taps);
  visit("attention", config.attention);
  visit("attention_bias", config.attention_bias);
  visit("attn_alpha", config.attn_alpha);
  visit("ffn_alpha", config.ffn_alpha);
  visit("final_alpha", config.final_alpha);
  visit("dyt_bias", config.dyt_bias);
  visit("layernorm_bias", config.layernorm_bias);
  visit("loss_positions", config.loss_positions);
  visit("sliding_window", config.sliding_window);
  visit("qkv_bias", config.qkv_bias);
  visit("o_bias", config.o_bias);
  visit("ffn_bias", config.ffn_bias);
  visit("embedding_scale", config.embedding_scale);
  visit("attention_scale", config.attention_scale);
  visit("attention_softcap", config.attention_softcap);
  visit("logit_softcap", config.logit_softcap);
  visit("position_offset", config.position_offset);
  visit("embedding_dim", config.embedding_dim);
  visit("bos_token_id", config.bos_token_id);
}

/// The keys of the nested table `rope_scaling`.
template <class Scaling, class Visit>
void visit_rope_scaling(Scaling& scaling, Visit&& visit) {
  visit("kind", scaling.kind);
  visit("factor", scaling.factor);
  visit("low_freq_factor", scaling.low_freq_factor);
  visit("high_freq_factor", scaling.high_freq_factor);
  visit("original_max_position_embeddings", scaling.original_max_position_embeddings);
  visit("beta_fast", scaling.beta_fast);
  visit("beta_slow", scaling.beta_slow);
  visit("truncate", scaling.truncate);
  visit("attention_factor", scaling.attention_factor);
  visit("short_factor", scaling.short_factor);
  visit("long_factor", scaling.long_factor);
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
