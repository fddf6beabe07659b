// OlmoeForCausalLM: a Llama with norms on all of q and of k, and a mixture of experts in every layer.
#include "base/error.h"
#include "model/architectures/mixture_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 4096, .key_heads_default = true, .eps = 1e-5}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  read_attention_bias(file, config);
  refuse_window(file);
  const Value* clip = file.raw("clip_qkv");
  require(!clip || file.is_null("clip_qkv"), "{}: clipped q, k and v are not supported, only null", file.where("clip_qkv"));
  config.qk_norm = QkNorm::full;
  read_experts(file, 64, 8, config);
  config.norm_expert_weights = file.get<bool>("norm_topk_prob", false);
}

bool fits(const TransformerConfig& c) {
  auto dense = without_mixture(c);
  if (!dense || c.qk_norm != QkNorm::full) return false;
  dense->qk_norm = QkNorm::none;
  return is_llama_shaped(*dense) && c.ffn == "experts" && c.d_shared_expert == 0 && c.qkv_bias == c.o_bias &&
         c.sliding_window == PerLayer<int>(0) && c.n_heads * c.head_dim == c.d_model;
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json.erase("head_dim");
  json["attention_bias"] = c.o_bias;
  json["clip_qkv"] = nullptr;
  json["num_experts"] = c.n_experts;
  json["num_experts_per_tok"] = c.experts_per_token;
  json["norm_topk_prob"] = c.norm_expert_weights;
  return json;
}

Placement place(const TransformerConfig& config, const ParameterSpec& parameter) { return place_experts(config, parameter); }

const Architectures::Registration registration("OlmoeForCausalLM", {"olmoe", 53, read, fits, write, place});

}  // namespace
}  // namespace ablate
