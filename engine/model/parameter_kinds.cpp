// What the built-in norms, gates and feed-forwards own.
#include "model/parameters.h"

namespace ablate {
namespace {

using Specs = std::vector<ParameterSpec>;

Specs weight_only(const NormPlace& place) { return {{place.prefix + ".weight", {place.width}, ParameterKind::norm_weight}}; }

Specs dyt(const NormPlace& place) {
  Specs specs = weight_only(place);
  if (place.config.dyt_bias) specs.push_back({place.prefix + ".bias", {place.width}, ParameterKind::norm_bias});
  specs.push_back({place.prefix + ".alpha", {1}, ParameterKind::norm_alpha, place.alpha});
  return specs;
}

const NormParametersRegistration rmsnorm{"rmsnorm", weight_only}, layernorm{"layernorm", weight_only}, dynamic_tanh{"dyt", dyt};

std::int64_t per_channel(const TransformerConfig& c) { return std::int64_t{c.n_heads} * c.head_dim; }

const GateWidthRegistration channel{"channel", per_channel};
const GateWidthRegistration head{"head", [](const TransformerConfig& c) { return std::int64_t{c.n_heads}; }};
const GateWidthRegistration token{"token", [](const TransformerConfig&) { return std::int64_t{1}; }};

Specs up_and_down(const TransformerConfig& c, const std::string& prefix) {
  return {{prefix + "up_proj.weight", {c.d_ffn, c.d_model}, ParameterKind::linear},
          {prefix + "down_proj.weight", {c.d_model, c.d_ffn}, ParameterKind::residual_linear}};
}

Specs gated(const TransformerConfig& c, const std::string& prefix) {
  Specs specs = up_and_down(c, prefix);
  specs.insert(specs.begin(), {prefix + "gate_proj.weight", {c.d_ffn, c.d_model}, ParameterKind::linear});
  return specs;
}

Specs one_matrix(const TransformerConfig& c, const std::string& prefix) {
  return {{prefix + "proj.weight", {c.d_model, c.d_model}, ParameterKind::residual_linear}};
}

const FfnParametersRegistration swiglu{"swiglu", gated}, gelu{"gelu", up_and_down}, relu{"relu", up_and_down}, linear{"linear", one_matrix};

}  // namespace
}  // namespace ablate
