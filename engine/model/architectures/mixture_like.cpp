#include "model/architectures/mixture_like.h"

#include "base/error.h"

#include <algorithm>

namespace ablate {

void read_experts(ConfigFile& file, int count, int chosen, TransformerConfig& config) {
  config.ffn = "experts";
  const int local = file.count_or("num_local_experts", file.get<int>("num_experts", count));
  config.n_experts = file.count_or("num_experts", local);
  require(config.n_experts == local, "{}: {}, but num_local_experts is {}; keep the right one", file.where("num_experts"), config.n_experts,
          local);
  config.experts_per_token = file.count_or("num_experts_per_tok", chosen);
  for (const char* training : {"router_aux_loss_coef", "router_jitter_noise"}) file.raw(training);
}

void read_qwen_mixture(ConfigFile& file, int usual_width, TransformerConfig& config) {
  const int step = file.count_or("decoder_sparse_step", 1), width = file.count_or("moe_intermediate_size", usual_width),
            dense = config.d_ffn[0];
  const auto only = file.get<std::vector<int>>("mlp_only_layers", {});
  std::vector<std::string> kinds;
  std::vector<int> widths;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const bool mixture = (layer + 1) % step == 0 && std::find(only.begin(), only.end(), layer) == only.end();
    kinds.push_back(mixture ? "experts" : "swiglu");
    widths.push_back(mixture ? width : dense);
  }
  config.ffn = PerLayer<std::string>::list(kinds);
  config.d_ffn = PerLayer<int>::list(widths);
  require(config.has_mixture(), "{}: leaves no layer with experts", file.where(only.empty() ? "decoder_sparse_step" : "mlp_only_layers"));
}

void write_qwen_mixture(const TransformerConfig& c, nlohmann::ordered_json& json) {
  json["num_experts"] = c.n_experts;
  json["num_experts_per_tok"] = c.experts_per_token;
  json["norm_topk_prob"] = c.norm_expert_weights;
  json["decoder_sparse_step"] = 1;
  json["mlp_only_layers"] = nlohmann::ordered_json::array();
  for (int layer = 0; layer < c.n_layers; ++layer) {
    json[c.is_mixture(layer) ? "moe_intermediate_size" : "intermediate_size"] = c.d_ffn[layer];
    if (!c.is_mixture(layer)) json["mlp_only_layers"].push_back(layer);
  }
}

std::optional<TransformerConfig> without_mixture(const TransformerConfig& config) {
  if (config.ffn.any([](const std::string& kind) { return kind != "experts" && kind != "swiglu"; }) || !config.has_mixture())
    return std::nullopt;
  for (const bool mixture : {false, true}) {  // layers of a kind must be as wide as each other
    int width = 0;
    for (int layer = 0; layer < config.n_layers; ++layer) {
      if (config.is_mixture(layer) != mixture) continue;
      if (width > 0 && config.d_ffn[layer] != width) return std::nullopt;
      width = config.d_ffn[layer];
    }
  }
  TransformerConfig dense = config;
  dense.ffn = "swiglu", dense.d_ffn = 1;
  dense.n_experts = dense.experts_per_token = dense.d_shared_expert = 0;
  dense.norm_expert_weights = false;
  return dense;
}

Placement place_experts(const TransformerConfig& config, const ParameterSpec& parameter, const MixtureNames& names) {
  const LayerName own(parameter.name);
  const auto in_layer = [&](const std::string& name) { return fmt::format("model.layers.{}.{}", own.layer, name); };
  if (own.rest == "mlp.router.weight") return {.name = in_layer(names.router)};
  for (const auto& [ours, theirs] : {std::pair{"gate", &names.gate}, {"up", &names.up}, {"down", &names.down}})
    if (own.rest == fmt::format("mlp.experts.{}_proj.weight", ours))
      return {.name = in_layer(*theirs), .matrices = config.n_experts, .separate = true};
  return {.name = parameter.name};
}

}  // namespace ablate
