// OPTForCausalLM: GPT-2's arithmetic with ReLU; its table of positions begins at row 2. Of the siblings one (350m) has its norms on the sums, and
// embeddings narrower than the model.
#include "base/error.h"
#include "model/architectures/llama_like.h"

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

void read(ConfigFile& file, TransformerConfig& c) {
  c.vocab_size = file.count_or("vocab_size", 50272);
  c.d_model = file.count_or("hidden_size", 768);
  c.n_layers = file.count_or("num_hidden_layers", 12, ConfigFile::most_layers);
  c.n_heads = c.n_kv_heads = file.count_or("num_attention_heads", 12);
  c.d_ffn = file.count_or("ffn_dim", 3072);
  c.max_seq_len = file.count_or("max_position_embeddings", 2048);
  require(c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads", file.where("hidden_size"), c.d_model, c.n_heads);
  c.head_dim = c.d_model / c.n_heads;
  c.position = Position::learned, c.position_offset = 2;
  c.norm = "layernorm", c.layernorm_bias = true, c.norm_eps = 1e-5;
  file.expect("layer_norm_elementwise_affine", true);
  const bool before = file.get<bool>("do_layer_norm_before", true);
  c.attn_input_norm = c.ffn_input_norm = before;
  c.post_norm = !before;
  if (!before || file.get<bool>("_remove_final_layer_norm", false)) c.final_norm = "none";
  file.raw("_remove_final_layer_norm");
  const int width = file.count_or("word_embed_proj_dim", c.d_model);
  if (width != c.d_model) c.embedding_dim = width;
  c.ffn = file.choice("activation_function", {"relu", "gelu"});
  c.qkv_bias = c.o_bias = c.ffn_bias = file.get<bool>("enable_bias", true);
  c.tie_embeddings = file.get<bool>("tie_word_embeddings", true);
  for (const char* key : {"init_std", "layerdrop", "dropout"}) file.raw(key);  // of training only
  c.bos_token_id = file.bos(c.vocab_size);
}

bool fits(const TransformerConfig& c) {
  const bool biased = c.qkv_bias && c.o_bias && c.ffn_bias, bare = !c.qkv_bias && !c.o_bias && !c.ffn_bias;
  const bool before = c.attn_input_norm && c.ffn_input_norm && !c.post_norm,
             after = !c.attn_input_norm && !c.ffn_input_norm && c.post_norm && c.final_norm == "none";
  return !c.has_other_mixers() && c.gate == "none" && c.attention == "softmax" && c.attention_bias == AttentionBias::none &&
         c.position == Position::learned && c.position_offset == 2 && c.norm == "layernorm" && c.layernorm_bias && c.norm_eps == 1e-5 &&
         (before || after) && (c.final_norm_kind() == "layernorm" || c.final_norm == "none") && !c.output_norm && !c.parallel_residual &&
         c.qk_norm == QkNorm::none && (c.ffn == "relu" || c.ffn == "gelu") && (biased || bare) && c.n_kv_heads == c.n_heads &&
         c.n_heads * c.head_dim == c.d_model && c.sliding_window == PerLayer<int>(0) && c.embedding_scale == 1.0 &&
         c.attention_scale == 0.0 && c.attention_softcap == 0.0 && c.logit_softcap == 0.0;
}

Json write(const TransformerConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"hidden_size", c.d_model},
          {"num_hidden_layers", c.n_layers},
          {"num_attention_heads", c.n_heads},
          {"ffn_dim", c.d_ffn[0]},
          {"max_position_embeddings", c.max_seq_len},
          {"do_layer_norm_before", !c.post_norm},
          {"_remove_final_layer_norm", !c.post_norm && c.final_norm == "none"},
          {"word_embed_proj_dim", c.embedding_width()},
          {"activation_function", c.ffn[0]},
          {"enable_bias", c.qkv_bias},
          {"layer_norm_elementwise_affine", true},
          {"tie_word_embeddings", c.tie_embeddings},
          {"bos_token_id", c.bos_token_id ? Json(*c.bos_token_id) : Json()},
          {"eos_token_id", nullptr}};
}

Placement place(const TransformerConfig&, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  if (own.layer < 0) {
    if (own.rest.starts_with("model.norm.")) return {.name = fmt::format("model.decoder.final_layer_norm.{}", own.rest.substr(11))};
    if (own.rest.starts_with("model.")) return {.name = fmt::format("model.decoder.{}", own.rest.substr(6))};
    return {.name = own.rest};
  }
  const std::string kind = own.rest.substr(own.rest.rfind('.')), what = own.rest.substr(0, own.rest.rfind('.'));
  const auto name = [&](std::string_view theirs) {
    return Placement{.name = fmt::format("model.decoder.layers.{}.{}{}", own.layer, theirs, kind)};
  };
  if (what == "input_layernorm" || what == "post_attn_layernorm") return name("self_attn_layer_norm");
  if (what == "post_attention_layernorm" || what == "post_ffn_layernorm") return name("final_layer_norm");
  if (what == "self_attn.o_proj") return name("self_attn.out_proj");
  if (what == "mlp.up_proj") return name("fc1");
  if (what == "mlp.down_proj") return name("fc2");
  return name(what);
}

std::string_view key_name(std::string_view key) { return key == "d_ffn" ? "ffn_dim" : ""; }

const Architectures::Registration registration("OPTForCausalLM", {"opt", 11, read, fits, write, place, "model.", {}, key_name});

}  // namespace
}  // namespace ablate
