// GPTNeoXForCausalLM (Pythia): attention and feed-forward read the same state, a quarter of each head is rotated, LayerNorm, biases; q, k and v lie in one
// matrix, head by head.
#include "base/error.h"
#include "model/architectures/llama_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

void read(ConfigFile& file, TransformerConfig& c) {
  c.vocab_size = file.count("vocab_size");
  c.d_model = file.count("hidden_size");
  c.n_layers = file.count("num_hidden_layers", ConfigFile::most_layers);
  c.n_heads = c.n_kv_heads = file.count("num_attention_heads");
  c.d_ffn = file.count("intermediate_size");
  c.max_seq_len = file.count_or("max_position_embeddings", 2048);
  require(c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads", file.where("hidden_size"), c.d_model, c.n_heads);
  c.head_dim = c.d_model / c.n_heads;
  read_rope(file, c, {.default_share = 0.25, .theta_key = "rotary_emb_base", .share_key = "rotary_pct", .partial = true});
  c.norm = "layernorm", c.layernorm_bias = true, c.norm_eps = file.get<double>("layer_norm_eps", 1e-5);
  c.parallel_residual = file.get<bool>("use_parallel_residual", true);
  const std::string activation = file.choice("hidden_act", {"gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "relu"});
  c.ffn = activation == "gelu" || activation == "relu" ? activation : "gelu_tanh";
  c.qkv_bias = c.o_bias = file.get<bool>("attention_bias", true);
  c.ffn_bias = true;
  c.tie_embeddings = file.get<bool>("tie_word_embeddings", false);
  c.bos_token_id = file.bos(c.vocab_size);
}

bool fits(const TransformerConfig& c) {
  return is_plain(c) && same_rope_everywhere(c) && c.rotary_share[0] > 0 && c.norm == "layernorm" && c.layernorm_bias &&
         c.final_norm_kind() == "layernorm" && c.attn_input_norm && c.ffn_input_norm && !c.output_norm && !c.post_norm &&
         c.qk_norm == QkNorm::none && (c.ffn == "gelu" || c.ffn == "gelu_tanh" || c.ffn == "relu") && c.qkv_bias == c.o_bias &&
         c.ffn_bias && c.n_kv_heads == c.n_heads && c.n_heads * c.head_dim == c.d_model && c.sliding_window == PerLayer<int>(0) &&
         c.embedding_scale == 1.0 && c.attention_scale == 0.0 && c.attention_softcap == 0.0 && c.logit_softcap == 0.0;
}

Json write(const TransformerConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"hidden_size", c.d_model},
          {"num_hidden_layers", c.n_layers},
          {"num_attention_heads", c.n_heads},
          {"intermediate_size", c.d_ffn[0]},
          {"max_position_embeddings", c.max_seq_len},
          {"rotary_pct", c.rotary_share[0]},
          {"rotary_emb_base", c.rope_theta[0]},
          {"rope_theta", c.rope_theta[0]},
          {"rope_scaling", rope_scaling_json(c.rope_scaling[0])},
          {"layer_norm_eps", c.norm_eps},
          {"use_parallel_residual", c.parallel_residual},
          {"hidden_act", c.ffn == "gelu_tanh" ? "gelu_new" : c.ffn[0]},
          {"attention_bias", c.qkv_bias},
          {"tie_word_embeddings", c.tie_embeddings},
          {"bos_token_id", c.bos_token_id ? Json(*c.bos_token_id) : Json()},
          {"eos_token_id", nullptr}};
}

Placement place(const TransformerConfig& c, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  if (own.layer < 0) {
    if (own.rest == "model.embed_tokens.weight") return {.name = "gpt_neox.embed_in.weight"};
    if (own.rest.starts_with("model.norm.")) return {.name = fmt::format("gpt_neox.final_layer_norm.{}", own.rest.substr(11))};
    return {.name = "embed_out.weight"};
  }
  const std::string kind = own.rest.substr(own.rest.rfind('.')), what = own.rest.substr(0, own.rest.rfind('.'));
  const auto name = [&](std::string_view theirs) { return fmt::format("gpt_neox.layers.{}.{}{}", own.layer, theirs, kind); };
  const std::int64_t head = c.head_dim, all = 3 * std::int64_t{c.n_heads} * head;
  const auto part = [&](std::int64_t which) {
    return Placement{
        .name = name("attention.query_key_value"), .first_row = which * head, .all_rows = all, .group = head, .group_stride = 3 * head};
  };
  if (what == "self_attn.q_proj") return part(0);
  if (what == "self_attn.k_proj") return part(1);
  if (what == "self_attn.v_proj") return part(2);
  if (what == "self_attn.o_proj") return {.name = name("attention.dense")};
  if (what == "mlp.up_proj") return {.name = name("mlp.dense_h_to_4h")};
  if (what == "mlp.down_proj") return {.name = name("mlp.dense_4h_to_h")};
  return {.name = name(what)};
}

bool surplus(std::string_view name) { return name.ends_with(".attention.bias") || name.ends_with(".attention.masked_bias"); }

std::string_view key_name(std::string_view key) {
  if (key == "rotary_share") return "rotary_pct";
  return key == "norm_eps" ? "layer_norm_eps" : "";
}

const Architectures::Registration registration("GPTNeoXForCausalLM",
                                               {"gpt_neox", 12, read, fits, write, place, "gpt_neox.", surplus, key_name});

}  // namespace
}  // namespace ablate
