// Olmo3ForCausalLM: OLMo 2 with a window in three layers of four, and rotary settings by type of layer.
#include "model/architectures/gemma_like.h"
#include "model/architectures/rope_keys.h"

#include <algorithm>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 2048, .key_heads_default = true, .eps = 1e-5}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_attention_bias(file, config);
  config.attn_input_norm = config.ffn_input_norm = false;
  config.output_norm = true;
  config.qk_norm = QkNorm::full;
  const auto sliding = read_sliding_layers(file, config.n_layers, [](int layer) { return (layer + 1) % 4 != 0; });
  config.sliding_window = windows_of(file, sliding, file.get<int>("sliding_window", 4096));
  read_rope(file, config, {.sliding_layers = sliding});
  const Value* parameters = file.has("rope_parameters") ? file.raw("rope_parameters") : nullptr;
  if (parameters && find(*parameters, "full_attention")) return;
  std::vector<RopeScaling> scalings;  // of full layers only
  for (const bool slides : sliding) scalings.push_back(slides ? RopeScaling{} : config.rope_scaling[0]);
  config.rope_scaling = PerLayer<RopeScaling>::list(scalings);
}

bool fits(const TransformerConfig& c) {
  return is_plain(c) && c.position == Position::rope && c.rotary_share == PerLayer<double>(1.0) && c.norm == "rmsnorm" &&
         c.final_norm_kind() == "rmsnorm" && !c.attn_input_norm && !c.ffn_input_norm && c.output_norm && !c.post_norm &&
         !c.parallel_residual && c.ffn == "swiglu" && !c.ffn_bias && c.qk_norm == QkNorm::full && c.qkv_bias == c.o_bias &&
         c.embedding_scale == 1.0 && c.attention_scale == 0.0 && c.attention_softcap == 0.0 && c.logit_softcap == 0.0 &&
         c.n_heads * c.head_dim == c.d_model;
}

Json write(const TransformerConfig& c) {
  Json json = llama_keys(c);
  for (const char* key : {"head_dim", "rope_theta", "rope_scaling"}) json.erase(key);
  json["attention_bias"] = c.o_bias;
  json["rope_parameters"] = rope_parameters_by_type(c);
  const auto& windows = c.sliding_window.values();
  json["sliding_window"] = std::max(1, *std::max_element(windows.begin(), windows.end()));
  json["layer_types"] = layer_types(c);
  return json;
}

const Architectures::Registration registration("Olmo3ForCausalLM", {"olmo3", 31, read, fits, write, place_between_norms});

}  // namespace
}  // namespace ablate
