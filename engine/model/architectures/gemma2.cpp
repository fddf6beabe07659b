// Gemma2ForCausalLM: norms before and after both blocks, scores and logits bent back to a bound, a window in every other layer.
#include "model/architectures/gemma_like.h"
#include "model/architectures/rope_keys.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

/// A bound; null: none.
double cap(ConfigFile& file, std::string_view key, double usual) { return file.is_null(key) ? 0.0 : file.get<double>(key, usual); }

void read(ConfigFile& file, TransformerConfig& config) {
  read_gemma_sizes(file, {.max_positions = 8192}, config);
  read_gemma_activation(file, "hidden_activation", config);
  file.choice("hidden_act", {"gelu_pytorch_tanh", "gelu", "gelu_new"});
  read_rope(file, config);
  read_attention_bias(file, config);
  config.output_norm = true;
  config.attention_scale = 1.0 / std::sqrt(file.get<double>("query_pre_attn_scalar", 256.0));
  config.attention_softcap = cap(file, "attn_logit_softcapping", 50.0);
  config.logit_softcap = cap(file, "final_logit_softcapping", 30.0);
  const int window = file.is_null("sliding_window") ? 0 : file.get<int>("sliding_window", 4096);
  config.sliding_window = windows_of(file, read_sliding_layers(file, config.n_layers, [](int layer) { return layer % 2 == 0; }), window);
  file.expect("use_bidirectional_attention", false);
  file.raw("cache_implementation");
}

bool fits(const TransformerConfig& c) {
  return is_gemma_shaped(c) && same_rope_everywhere(c) && c.output_norm && c.qk_norm == QkNorm::none;
}

Json write(const TransformerConfig& c) {
  Json json = gemma_keys(c);
  const auto& windows = c.sliding_window.values();
  json.erase("hidden_act");
  json["hidden_activation"] = c.ffn == "geglu" ? "gelu" : "gelu_pytorch_tanh";
  json["query_pre_attn_scalar"] = c.attention_scale > 0 ? 1.0 / (c.attention_scale * c.attention_scale) : c.head_dim;
  json["attn_logit_softcapping"] = c.attention_softcap > 0 ? Json(c.attention_softcap) : Json();
  json["final_logit_softcapping"] = c.logit_softcap > 0 ? Json(c.logit_softcap) : Json();
  json["sliding_window"] = std::max(*std::max_element(windows.begin(), windows.end()), 1);
  json["layer_types"] = layer_types(c);
  return json;
}

const Architectures::Registration registration("Gemma2ForCausalLM", {"gemma2", 21, read, fits, write, place_between_norms});

}  // namespace
}  // namespace ablate
