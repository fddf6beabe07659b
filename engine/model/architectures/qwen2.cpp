// Qwen2ForCausalLM: a Llama with biases on q, k and v.
#include "model/architectures/qwen_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file,
                   {.max_positions = 32768, .vocabulary = 151936, .width = 4096, .layers = 32, .heads = 32, .key_heads = 32, .ffn = 22016},
                   config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  file.get<bool>("attention_bias", true);
  config.qkv_bias = true;
  config.sliding_window = read_qwen_windows(file, config.n_layers);
}

bool fits(const TransformerConfig& c) {
  return is_llama_shaped(c) && c.qk_norm == QkNorm::none && c.qkv_bias && !c.o_bias && c.n_heads * c.head_dim == c.d_model;
}

const Architectures::Registration registration("Qwen2ForCausalLM", {"qwen2", 1, read, fits, qwen_keys});

}  // namespace
}  // namespace ablate
