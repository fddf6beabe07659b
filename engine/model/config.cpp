#include "model/config.h"

#include "base/error.h"
#include "model/config_fields.h"

#include <cmath>

namespace ablate {

std::string_view name_of(Position value) { return names_of<Position>[static_cast<std::size_t>(value)]; }
std::string_view name_of(QkNorm value) { return names_of<QkNorm>[static_cast<std::size_t>(value)]; }
std::string_view name_of(GateInput value) { return names_of<GateInput>[static_cast<std::size_t>(value)]; }
std::string_view name_of(AttentionBias value) { return names_of<AttentionBias>[static_cast<std::size_t>(value)]; }
std::string_view name_of(RopeScalingKind value) { return names_of<RopeScalingKind>[static_cast<std::size_t>(value)]; }

namespace {

void check_size(const char* key, int value, int most) {
  require(value >= 1 && value <= most, "model.{}: expected 1 to {}, found {}", key, most, value);
}

void check_positive(const char* key, double value) {
  require(std::isfinite(value) && value > 0, "model.{}: expected a positive number, found {}", key, value);
}

constexpr int widest = 1 << 24;  // products of two sizes, times the bytes of an element, stay far from 64 bits

void check_sizes(const TransformerConfig& c) {
  check_size("vocab_size", c.vocab_size, widest);
  check_size("d_model", c.d_model, widest);
  check_size("n_layers", c.n_layers, 4096);
  check_size("n_heads", c.n_heads, widest);
  check_size("n_kv_heads", c.n_kv_heads, widest);
  check_size("head_dim", c.head_dim, widest);
  check_size("d_ffn", c.d_ffn, widest);
  check_size("max_seq_len", c.max_seq_len, widest);
  require(static_cast<std::int64_t>(c.n_heads) * c.head_dim <= widest, "model: n_heads * head_dim = {} is over {}",
          static_cast<std::int64_t>(c.n_heads) * c.head_dim, widest);
  require(c.n_heads % c.n_kv_heads == 0, "model.n_kv_heads: {} heads cannot share {} keys evenly", c.n_heads, c.n_kv_heads);
  check_positive("norm_eps", c.norm_eps);
  require(c.sliding_window >= 0, "model.sliding_window: expected 0 (none) or a width, found {}", c.sliding_window);
  require(!c.bos_token_id || (*c.bos_token_id >= 0 && *c.bos_token_id < c.vocab_size),
          "model.bos_token_id: {} is outside the vocabulary of {}", c.bos_token_id.value_or(0), c.vocab_size);
}

void check_positions(const TransformerConfig& c) {
  const bool rope = c.position == Position::rope;
  check_positive("rope_theta", c.rope_theta);
  require(!rope || c.head_dim % 2 == 0, "model.head_dim: rope rotates pairs of channels, {} is odd", c.head_dim);
  const RopeScaling& s = c.rope_scaling;
  if (s.kind == RopeScalingKind::none) return;
  require(rope, "model.rope_scaling: position = \"{}\" has no rope to scale", name_of(c.position));
  check_positive("rope_scaling.factor", s.factor);
  if (s.kind != RopeScalingKind::llama3) return;
  check_positive("rope_scaling.low_freq_factor", s.low_freq_factor);
  require(std::isfinite(s.high_freq_factor) && s.high_freq_factor > s.low_freq_factor,
          "model.rope_scaling.high_freq_factor: expected more than low_freq_factor = {}, found {}", s.low_freq_factor, s.high_freq_factor);
  check_size("rope_scaling.original_max_position_embeddings", s.original_max_position_embeddings, widest);
}

void check_loss_positions(const TransformerConfig& c) {
  if (!c.loss_positions) return;
  const auto [first, end] = *c.loss_positions;
  require(0 <= first && first < end, "model.loss_positions: expected 0 <= first < end, found [{}, {}]", first, end);
}

bool has_dyt(const TransformerConfig& c) { return c.norm == "dyt" || c.final_norm == "dyt"; }

}  // namespace

void TransformerConfig::validate() const {
  check_sizes(*this);
  check_positions(*this);
  check_loss_positions(*this);
  require(attention_bias != AttentionBias::sink_logit || attention == "softmax",
          "model.attention_bias: sink_logit joins the denominator of a softmax, attention = \"{}\" has none", attention);
  require(gate != "none" || gate_input == GateInput::hidden,
          "model.gate_input: \"{}\" has no gate to feed; give gate (channel, head or token)", name_of(gate_input));
  require(!dyt_bias || has_dyt(*this), "model.dyt_bias: there is no dyt norm to add a bias to (norm = \"{}\")", norm);
  require(norm != "same" && norm != "none",
          "model.norm: expected a kind of norm, found \"{}\"; switch norms off by attn_input_norm and so on", norm);
}

}  // namespace ablate
