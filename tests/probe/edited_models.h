// Small models for tests of interventions, with many kinds of hook points.
#pragma once

#include "base/random.h"
#include "base/settings.h"
#include "experiment/toml.h"
#include "forward_reference.h"
#include "model/transformer.h"
#include "support/device.h"

#include <sstream>
#include <string>
#include <vector>

namespace ablate::test {

inline constexpr std::uint32_t rows = 2, tokens = 6;

/// A model that has many kinds of hook points.
struct Subject {
  std::string name;
  std::string model;  ///< its table
  /// Whether every change shows as in the reference of 64 bits: small results of GELU are 0 in 32, ReLU and clamps make nothing of some changes, and
  /// a norm of what was clamped to nearly nothing magnifies roundings.
  bool shows_each_change = true;
};

inline const std::vector<Subject> subjects = {
    {"swiglu, rope, grouped heads, a gate per channel", "gate = \"channel\""},
    {"two attention blocks, learned positions, a learned key, a gate per head and position",
     "n_kv_heads = 4\nffn = \"attention\"\nposition = \"learned\"\nnorm = \"layernorm\"\nattention_bias = \"kv\"\ngate = \"head\"\n"
     "gate_input = \"position\"\noutput_norm = true"},
    {"relu, norms after the sum, no norm before attention, one gate for all tokens",
     "ffn = \"relu\"\nattn_input_norm = false\npost_norm = true\nnorm = \"dyt\"\ngate = \"channel\"\ngate_input = \"constant\""},
    {"as GPT-NeoX: both blocks read the same state, layer norms with biases, half of each head rotated",
     "n_layers = 2\nn_kv_heads = 4\nnorm = \"layernorm\"\nlayernorm_bias = true\nparallel_residual = true\nrotary_share = 0.5\nffn = \"gelu\"\n"
     "qkv_bias = true\no_bias = true\nffn_bias = true",
     false},
    {"as Gemma 2 and 3: norms of weight 1 + w around each block and on each head, GeGLU, a window, soft bounds",
     "n_layers = 2\nnorm = \"rmsnorm_plus_one\"\noutput_norm = true\nqk_norm = \"head\"\nffn = \"geglu_tanh\"\nembedding_scale = 3.5\n"
     "attention_scale = 0.4\nattention_softcap = 2.0\nlogit_softcap = 3.0\nsliding_window = [3, 0]\nrope_theta = [100.0, 1000.0]\ntie_embeddings = true",
     false},
    {"as OPT-350m: a norm after each sum and none at the end, narrow embeddings, biases",
     "n_layers = 2\nn_kv_heads = 4\nnorm = \"layernorm\"\nlayernorm_bias = true\nattn_input_norm = false\nffn_input_norm = false\npost_norm = true\n"
     "final_norm = \"none\"\nposition = \"learned\"\nposition_offset = 2\nembedding_dim = 6\nffn = \"relu\"\nqkv_bias = true\no_bias = true\n"
     "ffn_bias = true\ntie_embeddings = true",
     false},
    {"as OLMo 2: norms of the outputs alone, and of all q and k channels together",
     "n_layers = 2\nattn_input_norm = false\nffn_input_norm = false\noutput_norm = true\nqk_norm = \"full\""},
    {"as Qwen2-MoE: a mixture of experts, a dense layer, and an expert for all",
     "n_layers = 2\nqkv_bias = true\nffn = [\"experts\", \"swiglu\"]\nd_ffn = [5, 10]\nn_experts = 5\nexperts_per_token = 2\nd_shared_expert = 4"},
    {"as gpt-oss: clamped experts with biases, a learned sink, a window",
     "attention_bias = \"sink_logit\"\nsliding_window = 4\nqkv_bias = true\no_bias = true\nffn = \"experts_clamped\"\nd_ffn = 5\nffn_bias = true\nn_experts = 4\n"
     "experts_per_token = 2\nnorm_expert_weights = true\nswiglu_limit = 0.8",
     false},
    {"as Qwen3.5: a gated DeltaNet, and attention behind a gate, norms of weight 1 + w",
     "n_layers = 2\nmixer = [\"gated_deltanet\", \"attention\"]\nlinear_key_heads = 2\nlinear_key_dim = 3\nlinear_value_dim = 5\nlinear_taps = 3\n"
     "gate = \"channel\"\nnorm = \"rmsnorm_plus_one\"\nqk_norm = \"head\"\nrotary_share = 0.5",
     false},
};

inline TransformerConfig config_of(const std::string& model) {
  const std::string keys =
      "vocab_size = 11\nd_model = 12\nn_layers = 1\nn_heads = 4\nn_kv_heads = 2\nhead_dim = 4\nd_ffn = 10\nmax_seq_len = 8\n";
  std::string own;  // a key of the subject's replaces the common one
  std::istringstream lines(keys);
  for (std::string line; std::getline(lines, line);)
    if (model.find(line.substr(0, line.find(' ') + 1)) == std::string::npos) own += line + "\n";
  Settings settings(parse_toml(own + model, "model.toml"));
  return TransformerConfig::from(settings);
}

/// Weights of a size that makes every part of the model matter.
inline Weights weights_of(const TransformerConfig& config) {
  Weights weights(pipelines().device(), config, DType::f32, WeightsUse::inference);
  Normal normal(7);
  for (const ParameterSpec& spec : parameters(config)) {
    std::vector<float> values(static_cast<std::size_t>(spec.elements()));
    const bool scale = spec.name.ends_with("alpha") || spec.name.ends_with("norm.weight");
    for (float& value : values) value = static_cast<float>(scale ? 1 + 0.2 * normal() : 0.5 * normal());
    weights.write(spec.name, values);
  }
  return weights;
}

inline Array<std::int32_t> make_ids(const TransformerConfig& config) {
  Array<std::int32_t> ids({rows, tokens});
  for (std::size_t i = 0; i < ids.data.size(); ++i)
    ids.data[i] = static_cast<std::int32_t>((5 * i + i / 4) % static_cast<std::size_t>(config.vocab_size));
  return ids;
}

}  // namespace ablate::test
