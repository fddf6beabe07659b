// Phi3ForCausalLM: a Llama whose q, k and v lie in one matrix, and gate and up in another; longrope.
#include "base/error.h"
#include "model/architectures/llama_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 4096, .key_heads_default = true, .eps = 1e-5}, config);
  file.choice("hidden_act", {"silu", "swish"});
  file.raw("original_max_position_embeddings");
  read_rope(file, config, {.partial = true, .always_longrope = true});
  require(!file.get<bool>("attention_bias", false), "{}: {} has no attention biases", file.where("attention_bias"), file.class_name);
  const bool windowed = !file.is_null("sliding_window") && file.has("sliding_window");
  config.sliding_window = windowed ? file.get<int>("sliding_window") : 0;
  file.raw("use_sliding_window");
}

bool fits(const TransformerConfig& c) {
  TransformerConfig whole = c;
  whole.rotary_share = 1.0;
  const RopeScalingKind kind = c.rope_scaling[0].kind;
  return same_rope_everywhere(c) && c.rotary_share[0] > 0 && is_llama_shaped(whole) && c.qk_norm == QkNorm::none && !c.qkv_bias &&
         !c.o_bias && c.sliding_window.is_one() && (kind == RopeScalingKind::none || kind == RopeScalingKind::longrope);
}

Json write(const TransformerConfig& c) {
  Json json = llama_keys(c);
  json["sliding_window"] = c.sliding_window[0] > 0 ? Json(c.sliding_window[0]) : Json();
  json["partial_rotary_factor"] = c.rotary_share[0];
  if (c.rope_scaling[0].kind == RopeScalingKind::longrope)
    json["original_max_position_embeddings"] = c.rope_scaling[0].original_max_position_embeddings;
  return json;
}

Placement place(const TransformerConfig& c, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  const std::int64_t q = std::int64_t{c.n_heads} * c.head_dim, k = std::int64_t{c.n_kv_heads} * c.head_dim, all = q + 2 * k;
  const auto part = [&](const char* theirs, std::int64_t first, std::int64_t rows) {
    return Placement{.name = fmt::format("model.layers.{}.{}", own.layer, theirs), .first_row = first, .all_rows = rows};
  };
  if (own.rest == "self_attn.q_proj.weight") return part("self_attn.qkv_proj.weight", 0, all);
  if (own.rest == "self_attn.k_proj.weight") return part("self_attn.qkv_proj.weight", q, all);
  if (own.rest == "self_attn.v_proj.weight") return part("self_attn.qkv_proj.weight", q + k, all);
  if (own.rest == "mlp.gate_proj.weight") return part("mlp.gate_up_proj.weight", 0, 2 * std::int64_t{c.d_ffn[0]});
  if (own.rest == "mlp.up_proj.weight") return part("mlp.gate_up_proj.weight", c.d_ffn[0], 2 * std::int64_t{c.d_ffn[0]});
  return {.name = parameter.name};
}

const Architectures::Registration registration("Phi3ForCausalLM", {"phi3", 40, read, fits, write, place});

}  // namespace
}  // namespace ablate
