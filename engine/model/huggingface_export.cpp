// TransformerConfig -> config.json, of a class that Transformers has wherever the model is one.
#include "model/checkpoint.h"
#include "model/config_fields.h"

#include <nlohmann/json.hpp>

#include <type_traits>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

bool is_llama_shaped(const TransformerConfig& c) {
  return c.position == Position::rope && c.norm == "rmsnorm" && c.final_norm_kind() == "rmsnorm" && c.attn_input_norm && c.ffn_input_norm &&
         !c.output_norm && !c.post_norm && c.gate == "none" && c.ffn == "swiglu" && c.attention == "softmax" &&
         c.attention_bias == AttentionBias::none && c.qk_norm != QkNorm::full;
}

struct Writer {
  Json& json;
  template <class T>
  void operator()(const char* key, const T& value) const {
    if constexpr (std::is_enum_v<T>) json[key] = name_of(value);
    else json[key] = value;
  }
  template <class T>
  void operator()(const char* key, const std::optional<T>& value) const {
    if (value) json[key] = *value;
  }
};

Json own_keys(const TransformerConfig& config) {
  Json keys = Json::object();
  visit_fields(config, Writer{keys});
  if (config.rope_scaling.kind != RopeScalingKind::none) {
    keys["rope_scaling"] = Json::object();
    visit_rope_scaling(config.rope_scaling, Writer{keys["rope_scaling"]});
  }
  return keys;
}

/// The spelling that every version of Transformers reads (5 turns it into rope_parameters).
Json rope_scaling(const RopeScaling& s) {
  switch (s.kind) {
    case RopeScalingKind::none: return nullptr;
    case RopeScalingKind::linear: return {{"rope_type", "linear"}, {"factor", s.factor}};
    case RopeScalingKind::llama3:
      return {{"rope_type", "llama3"},
              {"factor", s.factor},
              {"low_freq_factor", s.low_freq_factor},
              {"high_freq_factor", s.high_freq_factor},
              {"original_max_position_embeddings", s.original_max_position_embeddings}};
  }
  return nullptr;
}

Json huggingface_keys(const TransformerConfig& c, std::string_view name) {
  Json json{{"hidden_size", c.d_model},
            {"num_hidden_layers", c.n_layers},
            {"num_attention_heads", c.n_heads},
            {"num_key_value_heads", c.n_kv_heads},
            {"head_dim", c.head_dim},
            {"intermediate_size", c.d_ffn},
            {"hidden_act", "silu"},
            {"vocab_size", c.vocab_size},
            {"max_position_embeddings", c.max_seq_len},
            {"rms_norm_eps", c.norm_eps},
            {"rope_theta", c.rope_theta},
            {"rope_scaling", rope_scaling(c.rope_scaling)},
            {"tie_word_embeddings", c.tie_embeddings},
            {"bos_token_id", c.bos_token_id ? Json(*c.bos_token_id) : Json()},
            {"eos_token_id", nullptr},
            {"pad_token_id", nullptr}};
  if (name == "LlamaForCausalLM" || name == "Qwen3ForCausalLM") json["attention_bias"] = c.o_bias;
  if (name == "LlamaForCausalLM") json["mlp_bias"] = false;
  if (name != "LlamaForCausalLM") json["sliding_window"] = c.sliding_window ? Json(c.sliding_window) : Json();
  if (name == "Qwen2ForCausalLM" || name == "Qwen3ForCausalLM") {
    json["use_sliding_window"] = c.sliding_window > 0;
    json["max_window_layers"] = c.sliding_window > 0 ? 0 : c.n_layers;
  }
  return json;
}

std::string_view torch_name(DType dtype) { return dtype == DType::f16 ? "float16" : dtype == DType::bf16 ? "bfloat16" : "float32"; }

}  // namespace

std::string_view architecture(const TransformerConfig& c) {
  constexpr std::string_view own = "AblateForCausalLM";
  if (!is_llama_shaped(c)) return own;
  if (c.qk_norm == QkNorm::head) return c.qkv_bias == c.o_bias ? "Qwen3ForCausalLM" : own;
  if (c.qkv_bias && !c.o_bias) return c.n_heads * c.head_dim == c.d_model ? "Qwen2ForCausalLM" : own;
  if (c.qkv_bias != c.o_bias) return own;
  if (c.sliding_window == 0) return "LlamaForCausalLM";
  return c.qkv_bias ? own : "MistralForCausalLM";
}

std::string model_config_json(const TransformerConfig& config, DType dtype) {
  const std::string name(architecture(config));
  Json json{{"architectures", {name}}};
  if (name == "AblateForCausalLM") {
    json["model_type"] = "ablate";
    json["note"] = "Transformers has no class for this model; Ablate loads it.";
    json["ablate"] = own_keys(config);
  } else {
    std::string type = name.substr(0, name.find("For"));
    for (char& letter : type) letter = static_cast<char>(letter | 0x20);  // "Qwen3" is of model_type "qwen3"
    json["model_type"] = type;
    json.update(huggingface_keys(config, name));
  }
  json["torch_dtype"] = torch_name(dtype);
  return json.dump(2) + "\n";
}

}  // namespace ablate
