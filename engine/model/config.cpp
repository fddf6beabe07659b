#include "model/config.h"

#include "base/error.h"
#include "model/config_fields.h"
#include "ops/delta_rule.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace ablate {

std::string_view name_of(Position value) { return names_of<Position>[static_cast<std::size_t>(value)]; }
std::string_view name_of(QkNorm value) { return names_of<QkNorm>[static_cast<std::size_t>(value)]; }
std::string_view name_of(GateInput value) { return names_of<GateInput>[static_cast<std::size_t>(value)]; }
std::string_view name_of(AttentionBias value) { return names_of<AttentionBias>[static_cast<std::size_t>(value)]; }
std::string_view name_of(RopeScalingKind value) { return names_of<RopeScalingKind>[static_cast<std::size_t>(value)]; }

namespace {

constexpr int most_experts = 4096, most_chosen = 64, most_taps = 64;
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
    float_holds(key, value);
  }

  // Kernels compute in 32 bits, where what is too large is infinite and what is too small is 0, or taken for it.
  void float_holds(const char* key, double value) const {
    using Float = std::numeric_limits<float>;
    require(value == 0 || (value >= double{Float::min()} && value <= double{Float::max()}), "{}: {} is too {} for 32 bits", at(key), value,
            value < 1 ? "small" : "large");
  }

  void sizes() const {
    size("vocab_size", c.vocab_size, widest);
    size("d_model", c.d_model, widest);
    size("n_layers", c.n_layers, 4096);
    size("n_heads", c.n_heads, widest);
    size("n_kv_heads", c.n_kv_heads, widest);
    size("head_dim", c.head_dim, widest);
    for (const int width : c.d_ffn.values()) size("d_ffn", width, widest);
    size("max_seq_len", c.max_seq_len, widest);
    const std::int64_t width = std::int64_t{c.n_heads} * c.head_dim;
    require(width <= widest, "{}: {} heads of {} channels are {} wide, over {}", at("head_dim"), c.n_heads, c.head_dim, width, widest);
    require(c.n_heads % c.n_kv_heads == 0, "{}: {} heads cannot share {} keys evenly", at("n_kv_heads"), c.n_heads, c.n_kv_heads);
    positive("norm_eps", c.norm_eps);
    for (const int window : c.sliding_window.values())
      require(window >= 0, "{}: expected 0 (none) or a width, found {}", at("sliding_window"), window);
    require(c.embedding_dim >= 0 && c.embedding_dim <= widest, "{}: expected 0 (d_model) or a width, found {}", at("embedding_dim"),
            c.embedding_dim);
    list("sliding_window", c.sliding_window), list("rope_theta", c.rope_theta), list("rotary_share", c.rotary_share),
        list("rope_scaling", c.rope_scaling), list("ffn", c.ffn), list("d_ffn", c.d_ffn), list("mixer", c.mixer);
    factors();
    const int bos = c.bos_token_id.value_or(0);
    require(bos >= 0 && bos < c.vocab_size, "{}: {} is outside the vocabulary of {}", at("bos_token_id"), bos, c.vocab_size);
  }

  template <class T>
  void list(const char* key, const PerLayer<T>& setting) const {
    require(setting.is_one() || setting.values().size() == static_cast<std::size_t>(c.n_layers),
            "{}: expected one value, or one for each of {} layers, found {}", at(key), c.n_layers, setting.values().size());
  }

  void factors() const {
    positive("embedding_scale", c.embedding_scale);
    for (const auto& [key, value] : {std::pair{"attention_scale", c.attention_scale},
                                     {"attention_softcap", c.attention_softcap},
                                     {"logit_softcap", c.logit_softcap}}) {
      require(std::isfinite(value) && value >= 0, "{}: expected 0 (none) or a positive number, found {}", at(key), value);
      float_holds(key, value);
    }
    require(c.position_offset >= 0 && c.position_offset <= widest, "{}: expected 0 or more, found {}", at("position_offset"),
            c.position_offset);
    require(c.position_offset == 0 || c.position == Position::learned, "{}: position = \"{}\" has no table to start in",
            at("position_offset"), name_of(c.position));
    require(c.embedding_dim == 0 || c.gate_input != GateInput::embedding, "{}: a gate that reads embeddings needs them d_model wide",
            at("embedding_dim"));
  }

  void positions() const {
    for (const double theta : c.rope_theta.values()) positive("rope_theta", theta);
    const bool rope = c.position == Position::rope;
    for (const double share : c.rotary_share.values()) {
      require(share >= 0 && share <= 1, "{}: expected 0 to 1, found {}", at("rotary_share"), share);
      require(!rope || share == 0 || share == 1 || share * c.head_dim >= 2,
              "{}: {} of {} channels is less than a pair, and rotates nothing", at("rotary_share"), share, c.head_dim);
    }
    const bool whole = c.rotary_share.any([](double share) { return share == 1.0; });
    require(!rope || !whole || c.head_dim % 2 == 0, "{}: rope rotates pairs of channels, {} is odd", at("head_dim"), c.head_dim);
    for (int layer = 0; layer < static_cast<int>(c.rope_scaling.values().size()); ++layer) {
      const RopeScaling& s = c.rope_scaling[layer];
      if (s.kind == RopeScalingKind::none) continue;
      require(rope, "{}: position = \"{}\" has no rope to scale", at("rope_scaling"), name_of(c.position));
      scaling(s, layer);
    }
  }

  void scaling(const RopeScaling& s, int layer) const {
    positive("rope_scaling.factor", s.factor);
    if (s.kind == RopeScalingKind::linear) return;
    size("rope_scaling.original_max_position_embeddings", s.original_max_position_embeddings, widest);
    if (s.kind == RopeScalingKind::llama3) {
      positive("rope_scaling.low_freq_factor", s.low_freq_factor);
      require(std::isfinite(s.high_freq_factor) && s.high_freq_factor > s.low_freq_factor,
              "{}: expected more than low_freq_factor = {}, found {}", at("rope_scaling.high_freq_factor"), s.low_freq_factor,
              s.high_freq_factor);
    }
    positive("rope_scaling.attention_factor", s.attention_factor);
    positive("rope_scaling.beta_fast", s.beta_fast), positive("rope_scaling.beta_slow", s.beta_slow);
    if (s.kind != RopeScalingKind::longrope) return;
    const auto pairs = static_cast<std::size_t>(c.rotated_channels(layer) / 2);
    for (const auto& [key, list] :
         {std::pair{"rope_scaling.short_factor", &s.short_factor}, {"rope_scaling.long_factor", &s.long_factor}}) {
      require(list->size() == pairs, "{}: expected {} numbers, one a pair of channels, found {}", at(key), pairs, list->size());
      for (const double divisor : *list) positive(key, divisor);
    }
  }

  void feed_forwards() const {
    require(c.ffn.is_one() || !c.ffn.any([](const std::string& kind) { return kind == "attention" || kind == "none"; }),
            "{}: attention and none are what all layers have, or none has", at("ffn"));
    if (!c.has_mixture()) {
      require(c.n_experts == 0 && c.experts_per_token == 0 && c.d_shared_expert == 0 && !c.norm_expert_weights,
              "{}: no layer has experts; ffn = \"experts\" is a mixture of them", at("n_experts"));
      return;
    }
    size("n_experts", c.n_experts, most_experts);
    size("experts_per_token", c.experts_per_token, std::min(c.n_experts, most_chosen));
    positive("swiglu_limit", c.swiglu_limit), positive("swiglu_alpha", c.swiglu_alpha);
    require(c.d_shared_expert >= 0 && c.d_shared_expert <= widest, "{}: expected 0 (none) or a width, found {}", at("d_shared_expert"),
            c.d_shared_expert);
  }

  void mixers() const {
    if (!c.has_other_mixers()) {
      for (const auto& [key, value] : {std::pair{"linear_key_heads", c.linear_key_heads},
                                       {"linear_value_heads", c.linear_value_heads},
                                       {"linear_key_dim", c.linear_key_dim},
                                       {"linear_value_dim", c.linear_value_dim},
                                       {"linear_taps", c.linear_taps}})
        require(value == 0, "{}: all layers attend; mixer = \"gated_deltanet\" has such heads", at(key));
      return;
    }
    size("linear_key_heads", c.linear_key_heads, widest);
    size("linear_value_heads", c.linear_value_heads, widest);
    size("linear_key_dim", c.linear_key_dim, static_cast<int>(largest_delta_dim));
    size("linear_value_dim", c.linear_value_dim, static_cast<int>(largest_delta_dim));
    size("linear_taps", c.linear_taps, most_taps);
    require(c.linear_value_heads % c.linear_key_heads == 0, "{}: {} heads of values cannot share {} of keys evenly",
            at("linear_value_heads"), c.linear_value_heads, c.linear_key_heads);
    const std::int64_t keys = std::int64_t{c.linear_key_heads} * c.linear_key_dim,
                       values = std::int64_t{c.linear_value_heads} * c.linear_value_dim;
    require(std::max(keys, values) <= widest, "{}: {} heads of {} channels are {} wide, over {}", at("linear_value_dim"),
            c.linear_value_heads, c.linear_value_dim, std::max(keys, values), widest);
    require(!c.second_is_attention(), "{}: ffn = \"attention\" makes all blocks attend", at("mixer"));
  }

  void loss_window() const {
    if (!c.loss_positions) return;
    const auto [first, end] = *c.loss_positions;
    require(0 <= first && first < end, "{}: expected 0 <= first < end, found [{}, {}]", at("loss_positions"), first, end);
  }

  void clipping() const {
    const bool clips = c.attention == "clipped_softmax";
    require(std::isfinite(c.attention_gamma) && c.attention_gamma <= 0, "{}: expected 0 or less, found {}", at("attention_gamma"),
            c.attention_gamma);
    require(std::isfinite(c.attention_zeta) && c.attention_zeta >= 1, "{}: expected 1 or more, found {}", at("attention_zeta"),
            c.attention_zeta);
    float_holds("attention_gamma", -c.attention_gamma), float_holds("attention_zeta", c.attention_zeta);
    require(clips || (c.attention_gamma == 0 && c.attention_zeta == 1), "{}: only clipped_softmax clips, not \"{}\"",
            at(c.attention_gamma != 0 ? "attention_gamma" : "attention_zeta"), c.attention);
    require(!clips || c.attention_gamma < 0 || c.attention_zeta > 1,
            "{}: clipped_softmax clips nothing between 0 and 1; give attention_gamma, say \"= -4.0 / train.seq_len\"", at("attention"));
  }

  void combinations() const {
    require(c.attention_bias != AttentionBias::sink_logit || c.attention == "softmax",
            "{}: sink_logit joins the denominator of a softmax, attention = \"{}\" has none", at("attention_bias"), c.attention);
    clipping();
    require(c.gate != "none" || c.gate_input == GateInput::hidden, "{}: \"{}\" has no gate to feed; give gate (channel, head or token)",
            at("gate_input"), name_of(c.gate_input));
    const bool dyt = c.norm == "dyt" || c.final_norm == "dyt";
    require(dyt || !c.dyt_bias, "{}: there is no dyt norm to add a bias to (norm = \"{}\")", at("dyt_bias"), c.norm);
    require(c.norm == "layernorm" || c.final_norm == "layernorm" || !c.layernorm_bias,
            "{}: there is no layernorm to add a bias to (norm = \"{}\")", at("layernorm_bias"), c.norm);
    require(c.attention_softcap == 0 || c.attention == "softmax" || c.attention == "softmax1" || c.attention == "sigmoid" ||
                c.attention == "relu" || c.attention == "clipped_softmax",
            "{}: known of the built-in kinds of attention only, not of \"{}\"", at("attention_softcap"), c.attention);
    require(!c.parallel_residual || (!c.post_norm && c.has_ffn()), "{}: needs a feed-forward, and no norm on the sums (post_norm)",
            at("parallel_residual"));
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
  check.feed_forwards();
  check.mixers();
  check.loss_window();
  check.combinations();
}

}  // namespace ablate
