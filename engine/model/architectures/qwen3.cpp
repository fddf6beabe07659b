// Qwen3ForCausalLM: a Llama with norms on each head's q and k.
#include "model/architectures/qwen_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.head_dim = 128, .max_positions = 32768}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  config.qk_norm = QkNorm::head;
  read_attention_bias(file, config);
  config.sliding_window = read_qwen_windows(file, config.n_layers);
}

bool fits(const TransformerConfig& c) { return is_llama_shaped(c) && c.qk_norm == QkNorm::head && c.qkv_bias == c.o_bias; }

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = qwen_keys(c);
  json["attention_bias"] = c.o_bias;
  return json;
}

const Architectures::Registration registration("Qwen3ForCausalLM", {"qwen3", 2, read, fits, write});

}  // namespace
}  // namespace ablate
