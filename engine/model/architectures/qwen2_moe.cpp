// Qwen2MoeForCausalLM: a Qwen2 with mixtures of experts, and one more expert, behind a gate, that every token goes through.
#include "base/error.h"
#include "model/architectures/mixture_like.h"
#include "model/architectures/rope_keys.h"

#include <algorithm>

namespace ablate {
namespace {

/// Versions of Transformers differ in which layers slide, unless the file lists them.
PerLayer<int> read_windows(ConfigFile& file, int n_layers) {
  file.raw("max_window_layers");
  const int given = file.get<int>("sliding_window", 4096);
  const bool used = file.get<bool>("use_sliding_window", false) && given > 0;
  require(!used || file.has("layer_types"), "{}: which layers slide is not said; layer_types lists them", file.where("use_sliding_window"));
  return windows_of(file, read_sliding_layers(file, n_layers, [](int) { return false; }), used ? given : 0);
}

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 32768, .key_heads_default = true}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  config.qkv_bias = file.get<bool>("qkv_bias", true);
  config.sliding_window = read_windows(file, config.n_layers);
  read_experts(file, 60, 4, config);
  config.norm_expert_weights = file.get<bool>("norm_topk_prob", false);
  config.d_shared_expert = file.count_or("shared_expert_intermediate_size", 5632);
  read_qwen_mixture(file, 1408, config);
}

bool fits(const TransformerConfig& c) {
  const auto dense = without_mixture(c);
  return dense && is_llama_shaped(*dense) && c.d_shared_expert > 0 && c.qk_norm == QkNorm::none && !c.o_bias &&
         c.n_heads * c.head_dim == c.d_model;
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  const auto& windows = c.sliding_window.values();
  const int width = *std::max_element(windows.begin(), windows.end());
  json["use_sliding_window"] = width > 0;
  json["sliding_window"] = width > 0 ? width : 4096;
  json["layer_types"] = layer_types(c);
  json["qkv_bias"] = c.qkv_bias;
  json["shared_expert_intermediate_size"] = c.d_shared_expert;
  write_qwen_mixture(c, json);
  return json;
}

Placement place(const TransformerConfig& config, const ParameterSpec& parameter) { return place_experts(config, parameter); }

const Architectures::Registration registration("Qwen2MoeForCausalLM", {"qwen2_moe", 51, read, fits, write, place});

}  // namespace
}  // namespace ablate
