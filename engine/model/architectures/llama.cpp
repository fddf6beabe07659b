// LlamaForCausalLM: what all others are described against.
#include "model/architectures/llama_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(
      file, {.max_positions = 2048, .key_heads_default = true, .vocabulary = 32000, .width = 4096, .layers = 32, .heads = 32, .ffn = 11008},
      config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  read_attention_bias(file, config);
  refuse_window(file);
}

bool fits(const TransformerConfig& c) {
  return is_llama_shaped(c) && c.qk_norm == QkNorm::none && c.qkv_bias == c.o_bias && c.sliding_window == PerLayer<int>(0);
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json["attention_bias"] = c.o_bias;
  json["mlp_bias"] = false;
  return json;
}

const Architectures::Registration registration("LlamaForCausalLM", {"llama", 0, read, fits, write});

}  // namespace
}  // namespace ablate
