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
};

inline const std::vector<Subject> subjects = {
    {"swiglu, rope, grouped heads, a gate per channel", "gate = \"channel\""},
    {"two attention blocks, learned positions, a learned key, a gate per head and position",
     "n_kv_heads = 4\nffn = \"attention\"\nposition = \"learned\"\nnorm = \"layernorm\"\nattention_bias = \"kv\"\ngate = \"head\"\n"
     "gate_input = \"position\"\noutput_norm = true"},
    {"relu, norms after the sum, no norm before attention, one gate for all tokens",
     "ffn = \"relu\"\nattn_input_norm = false\npost_norm = true\nnorm = \"dyt\"\ngate = \"channel\"\ngate_input = \"constant\""},
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
