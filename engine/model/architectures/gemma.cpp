// GemmaForCausalLM: a Llama with scaled embeddings, norms of weight 1 + w and GeGLU.
#include "model/architectures/gemma_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_gemma_sizes(file, {.max_positions = 8192}, config);
  // Old files say "gelu", and Transformers computes the approximation unless hidden_activation says otherwise.
  file.choice("hidden_act", {"gelu_pytorch_tanh", "gelu", "gelu_new"});
  read_gemma_activation(file, "hidden_activation", config);
  read_rope(file, config);
  read_attention_bias(file, config);
  refuse_window(file);
  file.expect("use_bidirectional_attention", false);
}

bool fits(const TransformerConfig& c) {
  return is_gemma_shaped(c) && same_rope_everywhere(c) && !c.output_norm && c.qk_norm == QkNorm::none && c.attention_scale == 0.0 &&
         c.attention_softcap == 0.0 && c.logit_softcap == 0.0 && c.sliding_window == PerLayer<int>(0);
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = gemma_keys(c);
  json["hidden_act"] = json["hidden_activation"] = c.ffn == "geglu" ? "gelu" : "gelu_pytorch_tanh";
  return json;
}

const Architectures::Registration registration("GemmaForCausalLM", {"gemma", 20, read, fits, write});

}  // namespace
}  // namespace ablate
