// llama: Llama, Mistral and SmolLM. Rows of q and k are stored so that the two channels of a rotation lie side by side.
#include "base/error.h"
#include "model/gguf/architecture.h"

#include <fmt/format.h>

namespace ablate {
namespace {

void read_rope(GgufModel& model, TransformerConfig& c) {
  Settings& keys = model.keys;
  c.rope_theta = keys.get<double>("rope.freq_base", 10000.0);
  const int rotated = model.count_or("rope.dimension_count", c.head_dim);
  require(rotated == c.head_dim, "{}: {} is not supported, only all {} channels of a head", keys.where("rope.dimension_count"), rotated,
          c.head_dim);
  const std::string kind = keys.choice("rope.scaling.type", "none", {"none", "linear"});
  RopeScaling scaling;
  if (kind == "linear") {
    scaling.kind = RopeScalingKind::linear;
    scaling.factor = keys.get<double>("rope.scaling.factor");
  } else {
    model.expect("rope.scaling.factor", 1.0);
  }
  model.expect("rope.scaling.attn_factor", 1.0);
  keys.raw("rope.scaling.original_context_length"), keys.raw("rope.scaling.finetuned");  // of what yarn does, which is refused
  if (model.has_tensor("rope_freqs.weight")) {
    require(kind == "none", "{}: has factors of its own for rotations beside rope.scaling.type = {}",
            model.tensor("rope_freqs.weight").where, kind);
    const std::vector<float> divisors = model.tensor("rope_freqs.weight").floats();
    scaling.kind = RopeScalingKind::longrope;
    scaling.original_max_position_embeddings = c.max_seq_len;
    scaling.short_factor.assign(divisors.begin(), divisors.end());
    scaling.long_factor = scaling.short_factor;
  }
  c.rope_scaling = scaling;
}

void refuse_other_models(GgufModel& model) {
  for (const char* key : {"expert_count", "expert_used_count", "attention.sliding_window", "attention.clamp_kqv", "use_parallel_residual",
                          "attn_logit_softcapping", "final_logit_softcapping", "attention.max_alibi_bias"})
    model.expect_off(key);
  for (const char* key : {"embedding_scale", "residual_scale", "logit_scale"}) model.expect(key, 1.0);
  model.keys.raw("attention.causal");
  require(model.keys.get<bool>("attention.causal", true), "{}: false is not supported", model.keys.where("attention.causal"));
}

void read(GgufModel& model, TransformerConfig& c) {
  c.n_layers = model.count("block_count", 4096);
  c.d_model = model.count("embedding_length");
  c.d_ffn = model.count_of_all_layers("feed_forward_length");
  c.n_heads = model.count_of_all_layers("attention.head_count");
  c.n_kv_heads = model.count_of_all_layers_or("attention.head_count_kv", c.n_heads);
  c.max_seq_len = model.count("context_length");
  require(model.keys.has("attention.key_length") || c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads",
          model.keys.where("embedding_length"), c.d_model, c.n_heads);
  c.head_dim = model.count_or("attention.key_length", c.d_model / c.n_heads);
  const int value_length = model.count_or("attention.value_length", c.head_dim);
  require(value_length == c.head_dim, "{}: {} is not supported, only {}, as keys have", model.keys.where("attention.value_length"),
          value_length, c.head_dim);
  c.norm_eps = model.keys.get<double>("attention.layer_norm_rms_epsilon");
  const TensorView& embedding = model.tensor("token_embd.weight");
  require(embedding.shape.size() == 2 && embedding.shape[0] <= 1 << 24, "{}: expected a table of up to 2^24 rows", embedding.where);
  c.vocab_size = static_cast<int>(embedding.shape[0]);
  require(model.count_or("vocab_size", c.vocab_size) == c.vocab_size, "{}: is not the {} rows of token_embd.weight",
          model.keys.where("vocab_size"), c.vocab_size);
  c.tie_embeddings = !model.has_tensor("output.weight");
  c.qkv_bias = model.has_tensor("blk.0.attn_q.bias");
  c.o_bias = model.has_tensor("blk.0.attn_output.bias");
  read_rope(model, c);
  refuse_other_models(model);
}

Placement place(const TransformerConfig& config, const ParameterSpec& parameter) {
  const bool rotated = parameter.name.find(".q_proj.") != std::string::npos || parameter.name.find(".k_proj.") != std::string::npos;
  return {.name = gguf_name(parameter), .alternating = rotated ? config.head_dim : 0};
}

const GgufArchitectures::Registration registration("llama", {"LlamaForCausalLM", read, place,
                                                             [](std::string_view name) { return name == "rope_freqs.weight"; }});

}  // namespace
}  // namespace ablate
