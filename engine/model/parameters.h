// The weights of a transformer: names, shapes, and how each starts.
//
// Names follow Hugging Face's Llama where a tensor exists there. Linear weights are (out_features, in_features), applied as x W^T.
#pragma once

#include "base/registry.h"
#include "model/config.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// What a parameter is for: initialisation rules and exporters decide by this, never by parts of names.
enum class ParameterKind {
  embedding,        ///< token embedding (V, D)
  position,         ///< learned position table (max_seq_len, D)
  linear,           ///< (out, in)
  residual_linear,  ///< a linear that writes to the residual stream: o_proj, down_proj, proj
  head,             ///< lm_head (V, D)
  linear_bias,      ///< of q_proj, k_proj, v_proj, o_proj
  norm_weight,
  norm_bias,
  norm_alpha,      ///< a parameter with a start of its own: dyt's scalar, those of a user's norm, rates of a state's decay
  convolution,     ///< of each channel's own past: (channels, 1, taps)
  gate,            ///< a gate without a projection: (width), or (max_seq_len, width)
  attention_bias,  ///< k_bias, v_bias: (n_kv_heads, head_dim)
  sink_logit,      ///< (n_heads)
};

struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  ParameterKind kind;
  /// Where it starts if not at the rule of its kind: norm_alpha's value.
  double start = 0.0;
  /// So many matrices of equal size, one below the other: those of a mixture's experts.
  std::int64_t matrices = 1;

  std::int64_t elements() const;
};

/// Every parameter of `config`, in the model's order.
std::vector<ParameterSpec> parameters(const TransformerConfig& config);

std::int64_t parameter_count(const TransformerConfig& config);

// --- Kinds: what a norm, gate or feed-forward owns. A new kind registers itself in its own file. ---

/// A norm asks for its parameters here: `width` channels, named `prefix` + ".weight" and so on; `alpha` is the place's initial dyt alpha.
struct NormPlace {
  const TransformerConfig& config;
  std::string prefix;
  std::int64_t width;
  double alpha;
};

using NormParameters = std::function<std::vector<ParameterSpec>(const NormPlace& place)>;
/// Gate values per token of one attention block.
using GateWidth = std::function<std::int64_t(const TransformerConfig& config)>;
/// The parameters of a layer's feed-forward; names begin with `prefix` ("model.layers.3.mlp.").
using FfnParameters = std::function<std::vector<ParameterSpec>(const TransformerConfig& config, int layer, const std::string& prefix)>;
/// Those of what mixes a layer's tokens in place of attention; names begin with `prefix` ("model.layers.3.linear_attn.").
using MixerParameters = std::function<std::vector<ParameterSpec>(const TransformerConfig& config, const std::string& prefix)>;

/// At namespace scope.
struct NormParametersRegistration {
  NormParametersRegistration(std::string kind, NormParameters parameters);
};
struct GateWidthRegistration {
  GateWidthRegistration(std::string kind, GateWidth width);
};
struct FfnParametersRegistration {
  FfnParametersRegistration(std::string kind, FfnParameters parameters);
};
struct MixerParametersRegistration {
  MixerParametersRegistration(std::string kind, MixerParameters parameters);
};

/// For a kind that an experiment brings, as long as `scope` lives.
void add_norm_parameters(RegistrationScope& scope, const std::string& kind, NormParameters parameters);
void add_gate_width(RegistrationScope& scope, const std::string& kind, GateWidth width);
void add_ffn_parameters(RegistrationScope& scope, const std::string& kind, FfnParameters parameters);

/// Throw InputError listing the known kinds when nobody registered this one.
std::vector<ParameterSpec> norm_parameters(std::string_view kind, const NormPlace& place);
std::int64_t gate_width(const TransformerConfig& config);
std::vector<ParameterSpec> ffn_parameters(const TransformerConfig& config, int layer, const std::string& prefix);
std::vector<ParameterSpec> mixer_parameters(const TransformerConfig& config, int layer, const std::string& prefix);

}  // namespace ablate
