// SmolLM3ForCausalLM: a Llama in which every fourth layer has no positions.
#include "base/error.h"
#include "model/architectures/llama_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

/// no_rope_layers has, despite its name, a 1 for a layer that rotates.
PerLayer<double> read_shares(ConfigFile& file, int n_layers) {
  const int interval = file.get<int>("no_rope_layer_interval", 4);
  require(interval > 0, "{}: expected 1 or more, found {}", file.where("no_rope_layer_interval"), interval);
  const auto given = file.get<std::vector<int>>("no_rope_layers", {});
  require(given.empty() || given.size() == static_cast<std::size_t>(n_layers), "{}: expected {} layers, found {}",
          file.where("no_rope_layers"), n_layers, given.size());
  std::vector<double> shares;
  for (int layer = 0; layer < n_layers; ++layer)
    shares.push_back(given.empty() ? (layer + 1) % interval != 0 : given[static_cast<std::size_t>(layer)] != 0);
  return PerLayer<double>::list(shares);
}

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 32768, .tied = true}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config, {.default_theta = 2e6});
  config.rotary_share = read_shares(file, config.n_layers);
  read_attention_bias(file, config);
  const int width = file.get<bool>("use_sliding_window", false) ? file.get<int>("sliding_window", 0) : 0;
  file.raw("sliding_window"), file.raw("max_window_layers");
  const auto slides = [&](int layer) { return width > 0 && config.rotary_share[layer] == 0; };
  config.sliding_window = windows_of(file, read_sliding_layers(file, config.n_layers, slides), width);
}

bool fits(const TransformerConfig& c) {
  TransformerConfig rotated = c;
  rotated.rotary_share = 1.0;
  return is_llama_shaped(rotated) && c.qk_norm == QkNorm::none && c.qkv_bias == c.o_bias &&
         !c.rotary_share.any([](double share) { return share != 0.0 && share != 1.0; });
}

Json write(const TransformerConfig& c) {
  Json json = llama_keys(c);
  int width = 0;
  json["no_rope_layers"] = Json::array();
  for (int layer = 0; layer < c.n_layers; ++layer) {
    json["no_rope_layers"].push_back(c.rotary_share[layer] > 0 ? 1 : 0);
    width = std::max(width, c.sliding_window[layer]);
  }
  json["attention_bias"] = c.o_bias;
  json["use_sliding_window"] = width > 0;
  json["sliding_window"] = width > 0 ? Json(width) : Json();
  json["layer_types"] = layer_types(c);
  return json;
}

const Architectures::Registration registration("SmolLM3ForCausalLM", {"smollm3", 41, read, fits, write});

}  // namespace
}  // namespace ablate
