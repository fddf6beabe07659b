// Gemma3ForCausalLM: as Gemma 2 without the bounds, with norms on each head's q and k; five layers in six have a window and rotate by a base of their own.
#include "model/architectures/gemma_like.h"
#include "model/architectures/rope_keys.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

/// The spelling of Transformers 4: rope_theta and rope_scaling are those of the full layers, rope_local_base_freq is of the others.
void read_rotary(ConfigFile& file, const std::vector<bool>& sliding, TransformerConfig& config) {
  read_rope(file, config, {.default_theta = 1e6, .sliding_layers = sliding});
  const double local = file.get<double>("rope_local_base_freq", 10000.0);
  const Value* parameters = file.has("rope_parameters") ? file.raw("rope_parameters") : nullptr;
  if (parameters && find(*parameters, "full_attention")) return;
  std::vector<double> thetas;
  std::vector<RopeScaling> scalings;
  for (const bool slides : sliding) {
    thetas.push_back(slides ? local : config.rope_theta[0]);
    scalings.push_back(slides ? RopeScaling{} : config.rope_scaling[0]);
  }
  config.rope_theta = PerLayer<double>::list(thetas);
  config.rope_scaling = PerLayer<RopeScaling>::list(scalings);
}

void read(ConfigFile& file, TransformerConfig& config) {
  read_gemma_sizes(
      file, {.max_positions = 131072, .vocabulary = 262208, .width = 2304, .layers = 26, .heads = 8, .key_heads = 4, .ffn = 9216}, config);
  read_gemma_activation(file, "hidden_activation", config);
  read_attention_bias(file, config);
  config.output_norm = true;
  config.qk_norm = QkNorm::head;
  config.attention_scale = 1.0 / std::sqrt(file.get<double>("query_pre_attn_scalar", 256.0));
  config.attention_softcap = file.is_null("attn_logit_softcapping") ? 0.0 : file.get<double>("attn_logit_softcapping", 0.0);
  config.logit_softcap = file.is_null("final_logit_softcapping") ? 0.0 : file.get<double>("final_logit_softcapping", 0.0);
  const int pattern = file.get<int>("sliding_window_pattern", file.get<int>("_sliding_window_pattern", 6));
  file.raw("_sliding_window_pattern");
  const auto sliding = read_sliding_layers(file, config.n_layers, [&](int layer) { return pattern <= 0 || (layer + 1) % pattern != 0; });
  config.sliding_window = windows_of(file, sliding, file.get<int>("sliding_window", 4096));
  read_rotary(file, sliding, config);
  file.expect("use_bidirectional_attention", false);
  file.raw("cache_implementation");
}

bool fits(const TransformerConfig& c) { return is_gemma_shaped(c) && c.output_norm && c.qk_norm == QkNorm::head; }

Json write(const TransformerConfig& c) {
  Json json = gemma_keys(c);
  for (const char* key : {"hidden_act", "rope_theta", "rope_scaling"}) json.erase(key);
  json["hidden_activation"] = c.ffn == "geglu" ? "gelu" : "gelu_pytorch_tanh";
  json["query_pre_attn_scalar"] = c.attention_scale > 0 ? 1.0 / (c.attention_scale * c.attention_scale) : c.head_dim;
  if (c.attention_softcap > 0) json["attn_logit_softcapping"] = c.attention_softcap;
  if (c.logit_softcap > 0) json["final_logit_softcapping"] = c.logit_softcap;
  const auto& windows = c.sliding_window.values();
  json["rope_parameters"] = rope_parameters_by_type(c);
  json["sliding_window"] = std::max(1, *std::max_element(windows.begin(), windows.end()));
  json["layer_types"] = layer_types(c);
  return json;
}

const Architectures::Registration registration("Gemma3ForCausalLM", {"gemma3_text", 22, read, fits, write, place_between_norms});

}  // namespace
}  // namespace ablate
