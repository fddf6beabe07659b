// MixtralForCausalLM: a Mistral with a mixture of experts in every layer, whose weights add up to 1.
#include "model/architectures/mixture_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 131072, .key_heads_default = false, .eps = 1e-5}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config, {.default_theta = 1e6});
  read_experts(file, 8, 2, config);
  config.norm_expert_weights = true;
  const int width = file.get<int>("sliding_window", 0);
  config.sliding_window = windows_of(file, read_sliding_layers(file, config.n_layers, [&](int) { return width > 0; }), width);
}

bool fits(const TransformerConfig& c) {
  const auto dense = without_mixture(c);
  return dense && is_llama_shaped(*dense) && c.ffn == "experts" && c.norm_expert_weights && c.d_shared_expert == 0 &&
         c.qk_norm == QkNorm::none && !c.qkv_bias && !c.o_bias && c.sliding_window.is_one();
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json["sliding_window"] = c.sliding_window[0] > 0 ? nlohmann::ordered_json(c.sliding_window[0]) : nlohmann::ordered_json();
  json["num_local_experts"] = c.n_experts;
  json["num_experts_per_tok"] = c.experts_per_token;
  return json;
}

Placement place(const TransformerConfig& config, const ParameterSpec& parameter) {
  return place_experts(config, parameter,
                       {"block_sparse_moe.gate.weight", "block_sparse_moe.experts.*.w1.weight", "block_sparse_moe.experts.*.w3.weight",
                        "block_sparse_moe.experts.*.w2.weight"});
}

const Architectures::Registration registration("MixtralForCausalLM", {"mixtral", 50, read, fits, write, place});

}  // namespace
}  // namespace ablate
