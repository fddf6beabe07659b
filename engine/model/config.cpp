#include "model/config.h"

#include "base/error.h"
#include "model/config_fields.h"

#include <cmath>
#include <cstdint>

namespace ablate {

std::string_view name_of(Position value) { return names_of<Position>[static_cast<std::size_t>(value)]; }
std::string_view name_of(QkNorm value) { return names_of<QkNorm>[static_cast<std::size_t>(value)]; }
std::string_view name_of(GateInput value) { return names_of<GateInput>[static_cast<std::size_t>(value)]; }
std::string_view name_of(AttentionBias value) { return names_of<AttentionBias>[static_cast<std::size_t>(value)]; }
std::string_view name_of(RopeScalingKind value) { return names_of<RopeScalingKind>[static_cast<std::size_t>(value)]; }

namespace {

constexpr int widest = 1 << 24;  // products of two sizes, times the bytes of an element, stay far from 64 bits

/// The checks by topic; `at` names the place of a key.
struct Validator {
  const TransformerConfig& c;
  TransformerConfig::KeyPlace at;

  void size(const char* key, int value, int most) const {
    require(value >= 1 && value <= most, "{}: expected 1 to {}, found {}", at(key), most, value);
  }

  void positive(const char* key, double value) const {
    require(std::isfinite(value) && value > 0, "{}: expected a positive number, found {}", at(key), value);
  }

  void sizes() const {
    size("vocab_size", c.vocab_size, widest);
    size("d_model", c.d_model, widest);
    size("n_layers", c.n_layers, 4096);
    size("n_heads", c.n_heads, widest);
    size("n_kv_heads", c.n_kv_heads, widest);
    size("head_dim", c.head_dim, widest);
    size("d_ffn", c.d_ffn, widest);
    size("max_seq_len", c.max_seq_len, widest);
    const std::int64_t width = std::int64_t{c.n_heads} * c.head_dim;
    require(width <= widest, "{}: {} heads of {} channels are {} wide, over {}", at("head_dim"), c.n_heads, c.head_dim, width, widest);
    require(c.n_heads % c.n_kv_heads == 0, "{}: {} heads cannot share {} keys evenly", at("n_kv_heads"), c.n_heads, c.n_kv_heads);
    positive("norm_eps", c.norm_eps);
    require(c.sliding_window >= 0, "{}: expected 0 (none) or a width, found {}", at("sliding_window"), c.sliding_window);
    const int bos = c.bos_token_id.value_or(0);
    require(bos >= 0 && bos < c.vocab_size, "{}: {} is outside the vocabulary of {}", at("bos_token_id"), bos, c.vocab_size);
  }

  void positions() const {
    positive("rope_theta", c.rope_theta);
    const bool rope = c.position == Position::rope;
    require(!rope || c.head_dim % 2 == 0, "{}: rope rotates pairs of channels, {} is odd", at("head_dim"), c.head_dim);
    if (c.rope_scaling.kind == RopeScalingKind::none) return;
    require(rope, "{}: position = \"{}\" has no rope to scale", at("rope_scaling"), name_of(c.position));
    positive("rope_scaling.factor", c.rope_scaling.factor);
    if (c.rope_scaling.kind == RopeScalingKind::llama3) llama3();
  }

  void llama3() const {
    const auto& [kind, factor, low, high, context] = c.rope_scaling;
    positive("rope_scaling.low_freq_factor", low);
    require(std::isfinite(high) && high > low, "{}: expected more than low_freq_factor = {}, found {}", at("rope_scaling.high_freq_factor"),
            low, high);
    size("rope_scaling.original_max_position_embeddings", context, widest);
  }

  void loss_window() const {
    if (!c.loss_positions) return;
    const auto [first, end] = *c.loss_positions;
    require(0 <= first && first < end, "{}: expected 0 <= first < end, found [{}, {}]", at("loss_positions"), first, end);
  }

  void combinations() const {
    require(c.attention_bias != AttentionBias::sink_logit || c.attention == "softmax",
            "{}: sink_logit joins the denominator of a softmax, attention = \"{}\" has none", at("attention_bias"), c.attention);
    require(c.gate != "none" || c.gate_input == GateInput::hidden, "{}: \"{}\" has no gate to feed; give gate (channel, head or token)",
            at("gate_input"), name_of(c.gate_input));
    const bool dyt = c.norm == "dyt" || c.final_norm == "dyt";
    require(dyt || !c.dyt_bias, "{}: there is no dyt norm to add a bias to (norm = \"{}\")", at("dyt_bias"), c.norm);
    require(c.norm == "layernorm" || c.final_norm == "layernorm" || !c.layernorm_bias,
            "{}: there is no layernorm to add a bias to (norm = \"{}\")", at("layernorm_bias"), c.norm);
    require(c.norm != "same" && c.norm != "none",
            "{}: expected a kind of norm, found \"{}\"; switch norms off by attn_input_norm and so on", at("norm"), c.norm);
  }
};

}  // namespace

void TransformerConfig::validate(const KeyPlace& place) const {
  const auto by_name = [](std::string_view key) { return fmt::format("model.{}", key); };
  const Validator check{*this, place ? place : by_name};
  check.sizes();
  check.positions();
  check.loss_window();
  check.combinations();
}

}  // namespace ablate
