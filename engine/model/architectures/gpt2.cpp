// GPT2LMHeadModel: learned positions, LayerNorm, GELU by tanh, biases everywhere; matrices are stored (in, out), q, k and v in one.
#include "base/error.h"
#include "model/architectures/llama_like.h"

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> gelu_names = {"gelu_new", "gelu_pytorch_tanh"};

void read(ConfigFile& file, TransformerConfig& c) {
  c.vocab_size = file.count_or("vocab_size", 50257);
  c.d_model = file.count_or("n_embd", 768);
  c.n_layers = file.count_or("n_layer", 12, ConfigFile::most_layers);
  c.n_heads = c.n_kv_heads = file.count_or("n_head", 12);
  c.max_seq_len = file.count_or("n_positions", 1024);
  file.raw("n_ctx");
  require(c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads", file.where("n_embd"), c.d_model, c.n_heads);
  c.head_dim = c.d_model / c.n_heads;
  c.d_ffn = file.count_or("n_inner", 4 * c.d_model, ConfigFile::widest);
  c.norm_eps = file.get<double>("layer_norm_epsilon", 1e-5);
  c.tie_embeddings = file.get<bool>("tie_word_embeddings", true);
  c.position = Position::learned;
  c.norm = "layernorm", c.layernorm_bias = true;
  const std::string activation = file.choice("activation_function", {"gelu_new", "gelu_pytorch_tanh", "gelu", "relu"});
  c.ffn = activation == "gelu" || activation == "relu" ? activation : "gelu_tanh";
  c.qkv_bias = c.o_bias = c.ffn_bias = true;
  c.attention_scale = file.get<bool>("scale_attn_weights", true) ? 0.0 : 1.0;
  file.expect("scale_attn_by_inverse_layer_idx", false);
  file.raw("reorder_and_upcast_attn");  // of precision only
  for (const char* summary : {"summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout"})
    file.raw(summary);  // of another head
  c.bos_token_id = file.bos(c.vocab_size);
}

bool fits(const TransformerConfig& c) {
  return is_plain(c) && c.position == Position::learned && c.norm == "layernorm" && c.layernorm_bias &&
         c.final_norm_kind() == "layernorm" && c.attn_input_norm && c.ffn_input_norm && !c.output_norm && !c.post_norm &&
         !c.parallel_residual && c.qk_norm == QkNorm::none && (c.ffn == "gelu_tanh" || c.ffn == "gelu" || c.ffn == "relu") && c.qkv_bias &&
         c.o_bias && c.ffn_bias && c.n_kv_heads == c.n_heads && c.n_heads * c.head_dim == c.d_model &&
         c.sliding_window == PerLayer<int>(0) && c.embedding_scale == 1.0 && (c.attention_scale == 0.0 || c.attention_scale == 1.0) &&
         c.attention_softcap == 0.0 && c.logit_softcap == 0.0;
}

Json write(const TransformerConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"n_embd", c.d_model},
          {"n_layer", c.n_layers},
          {"n_head", c.n_heads},
          {"n_positions", c.max_seq_len},
          {"n_inner", c.d_ffn[0]},
          {"activation_function", c.ffn == "gelu_tanh" ? "gelu_new" : c.ffn[0]},
          {"layer_norm_epsilon", c.norm_eps},
          {"scale_attn_weights", c.attention_scale == 0.0},
          {"tie_word_embeddings", c.tie_embeddings},
          {"bos_token_id", c.bos_token_id ? Json(*c.bos_token_id) : Json()},
          {"eos_token_id", nullptr}};
}

Placement place(const TransformerConfig& c, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  if (own.layer < 0) {
    if (own.rest == "model.embed_tokens.weight") return {.name = "transformer.wte.weight"};
    if (own.rest == "model.embed_positions.weight") return {.name = "transformer.wpe.weight"};
    if (own.rest.starts_with("model.norm.")) return {.name = fmt::format("transformer.ln_f.{}", own.rest.substr(11))};
    return {.name = own.rest};
  }
  const std::string kind = own.rest.substr(own.rest.rfind('.')), what = own.rest.substr(0, own.rest.rfind('.'));
  const auto name = [&](const char* theirs) { return fmt::format("transformer.h.{}.{}{}", own.layer, theirs, kind); };
  const bool matrix = kind == ".weight";
  const std::int64_t d = c.d_model;
  if (what == "input_layernorm") return {.name = name("ln_1")};
  if (what == "post_attention_layernorm") return {.name = name("ln_2")};
  if (what == "self_attn.q_proj") return {.name = name("attn.c_attn"), .first_row = 0, .all_rows = 3 * d, .transposed = matrix};
  if (what == "self_attn.k_proj") return {.name = name("attn.c_attn"), .first_row = d, .all_rows = 3 * d, .transposed = matrix};
  if (what == "self_attn.v_proj") return {.name = name("attn.c_attn"), .first_row = 2 * d, .all_rows = 3 * d, .transposed = matrix};
  if (what == "self_attn.o_proj") return {.name = name("attn.c_proj"), .transposed = matrix};
  if (what == "mlp.up_proj") return {.name = name("mlp.c_fc"), .transposed = matrix};
  return {.name = name("mlp.c_proj"), .transposed = matrix};
}

bool surplus(std::string_view name) { return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"); }

std::string_view key_name(std::string_view key) {
  if (key == "d_model") return "n_embd";
  if (key == "n_layers") return "n_layer";
  if (key == "n_heads") return "n_head";
  if (key == "d_ffn") return "n_inner";
  if (key == "max_seq_len") return "n_positions";
  return key == "norm_eps" ? "layer_norm_epsilon" : "";
}

const Architectures::Registration registration("GPT2LMHeadModel",
                                               {"gpt2", 10, read, fits, write, place, "transformer.", surplus, key_name});

}  // namespace
}  // namespace ablate
