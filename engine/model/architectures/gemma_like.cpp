#include "model/architectures/gemma_like.h"

#include "base/dtype.h"

#include <cmath>

namespace ablate {

// The factor is rounded to the type of the embeddings.
static double embedding_scale(int d_model, const std::string& dtype) {
  const auto exact = static_cast<float>(std::sqrt(static_cast<double>(d_model)));
  if (dtype == "bfloat16") return static_cast<double>(from_bf16(to_bf16(exact)));
  return static_cast<double>(dtype == "float16" ? from_f16(to_f16(exact)) : exact);
}

void read_gemma_sizes(ConfigFile& file, LlamaSizes sizes, TransformerConfig& config) {
  sizes.head_dim = 256, sizes.tied = true;
  read_llama_sizes(file, sizes, config);
  const std::string dtype = file.get("torch_dtype", file.get("dtype", "float32").c_str());
  config.embedding_scale = embedding_scale(config.d_model, dtype);
  config.norm = "rmsnorm_plus_one";
}

void read_gemma_activation(ConfigFile& file, std::string_view key, TransformerConfig& config) {
  const std::string name = file.choice(key, {"gelu_pytorch_tanh", "gelu_new", "gelu"});
  config.ffn = name == "gelu" ? "geglu" : "geglu_tanh";
}

bool is_gemma_shaped(const TransformerConfig& c) {
  const auto exact = static_cast<float>(std::sqrt(static_cast<double>(c.d_model)));
  const auto scale = static_cast<float>(c.embedding_scale);
  return is_plain(c) && c.position == Position::rope && c.rotary_share == PerLayer<double>(1.0) && c.norm == "rmsnorm_plus_one" &&
         c.final_norm_kind() == c.norm && c.attn_input_norm && c.ffn_input_norm && !c.post_norm && !c.parallel_residual && !c.ffn_bias &&
         (c.ffn == "geglu_tanh" || c.ffn == "geglu") && c.qk_norm != QkNorm::full && c.qkv_bias == c.o_bias &&
         (scale == exact || scale == from_bf16(to_bf16(exact)) || scale == from_f16(to_f16(exact)));
}

nlohmann::ordered_json gemma_keys(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json["attention_bias"] = c.qkv_bias;
  return json;
}

Placement place_between_norms(const TransformerConfig&, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  if (own.layer < 0) return {.name = parameter.name};
  const auto name = [&](std::string_view theirs) { return Placement{.name = fmt::format("model.layers.{}.{}", own.layer, theirs)}; };
  if (own.rest == "attn_output_layernorm.weight") return name("post_attention_layernorm.weight");
  if (own.rest == "post_attention_layernorm.weight") return name("pre_feedforward_layernorm.weight");
  if (own.rest == "ffn_output_layernorm.weight") return name("post_feedforward_layernorm.weight");
  return name(own.rest);
}

}  // namespace ablate
