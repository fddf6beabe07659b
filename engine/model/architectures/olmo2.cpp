// Olmo2ForCausalLM: norms on the blocks' outputs only, and on all of q and of k.
#include "model/architectures/gemma_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.max_positions = 2048, .key_heads_default = true, .eps = 1e-5}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  read_attention_bias(file, config);
  refuse_window(file);
  config.attn_input_norm = config.ffn_input_norm = false;
  config.output_norm = true;
  config.qk_norm = QkNorm::full;
}

bool fits(const TransformerConfig& c) {
  return is_plain(c) && same_rope_everywhere(c) && c.rotary_share[0] == 1.0 && c.norm == "rmsnorm" && c.final_norm_kind() == "rmsnorm" &&
         !c.attn_input_norm && !c.ffn_input_norm && c.output_norm && !c.post_norm && !c.parallel_residual && c.ffn == "swiglu" &&
         !c.ffn_bias && c.qk_norm == QkNorm::full && c.qkv_bias == c.o_bias && c.embedding_scale == 1.0 && c.attention_scale == 0.0 &&
         c.attention_softcap == 0.0 && c.logit_softcap == 0.0 && c.n_heads * c.head_dim == c.d_model;
}

bool fits_olmo2(const TransformerConfig& c) { return fits(c) && c.sliding_window == PerLayer<int>(0); }

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json.erase("head_dim");
  json["attention_bias"] = c.o_bias;
  return json;
}

const Architectures::Registration registration("Olmo2ForCausalLM", {"olmo2", 30, read, fits_olmo2, write, place_between_norms});

}  // namespace
}  // namespace ablate
