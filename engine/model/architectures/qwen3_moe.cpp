// Qwen3MoeForCausalLM: a Qwen3 with mixtures of experts.
#include "model/architectures/mixture_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 32768, .key_heads_default = false}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  config.qk_norm = QkNorm::head;
  read_attention_bias(file, config);
  const int given = file.get<int>("sliding_window", 4096);
  const int width = file.get<bool>("use_sliding_window", false) && !file.is_null("sliding_window") ? given : 0;
  file.raw("max_window_layers");
  config.sliding_window = windows_of(file, read_sliding_layers(file, config.n_layers, [&](int) { return width > 0; }), width);
  read_experts(file, 128, 8, config);
  config.norm_expert_weights = file.get<bool>("norm_topk_prob", false);
  read_qwen_mixture(file, 768, config);
}

bool fits(const TransformerConfig& c) {
  const auto dense = without_mixture(c);
  return dense && is_llama_shaped(*dense) && c.d_shared_expert == 0 && c.qk_norm == QkNorm::head && c.qkv_bias == c.o_bias &&
         c.sliding_window.is_one();
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json["attention_bias"] = c.o_bias;
  json["use_sliding_window"] = c.sliding_window[0] > 0;
  json["sliding_window"] = c.sliding_window[0] > 0 ? nlohmann::ordered_json(c.sliding_window[0]) : nlohmann::ordered_json();
  write_qwen_mixture(c, json);
  return json;
}

Placement place(const TransformerConfig& config, const ParameterSpec& parameter) { return place_experts(config, parameter); }

const Architectures::Registration registration("Qwen3MoeForCausalLM", {"qwen3_moe", 52, read, fits, write, place});

}  // namespace
}  // namespace ablate
