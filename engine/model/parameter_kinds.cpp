// What the built-in norms and gates own.
#include "model/parameters.h"

namespace ablate {
namespace {

using Specs = std::vector<ParameterSpec>;

Specs weight_only(const NormPlace& place) { return {{place.prefix + ".weight", {place.width}, ParameterKind::norm_weight}}; }

Specs layernorm(const NormPlace& place) {
  Specs specs = weight_only(place);
  if (place.config.layernorm_bias) specs.push_back({place.prefix + ".bias", {place.width}, ParameterKind::norm_bias});
  return specs;
}

Specs one_weight(const NormPlace& place) { return {{place.prefix + ".weight", {1}, ParameterKind::norm_weight}}; }

Specs weight_from_zero(const NormPlace& place) { return {{place.prefix + ".weight", {place.width}, ParameterKind::norm_alpha, 0.0}}; }

Specs dyt(const NormPlace& place) {
  Specs specs = weight_only(place);
  if (place.config.dyt_bias) specs.push_back({place.prefix + ".bias", {place.width}, ParameterKind::norm_bias});
  specs.push_back({place.prefix + ".alpha", {1}, ParameterKind::norm_alpha, place.alpha});
  return specs;
}

const NormParametersRegistration rmsnorm{"rmsnorm", weight_only}, layer{"layernorm", layernorm}, dynamic_tanh{"dyt", dyt},
    plus_one{"rmsnorm_plus_one", weight_from_zero}, scalar{"rmsnorm_scalar", one_weight},
    no_norm{"none", [](const NormPlace&) { return Specs{}; }};

std::int64_t per_channel(const TransformerConfig& c) { return std::int64_t{c.n_heads} * c.head_dim; }

const GateWidthRegistration channel{"channel", per_channel};
const GateWidthRegistration head{"head", [](const TransformerConfig& c) { return std::int64_t{c.n_heads}; }};
const GateWidthRegistration token{"token", [](const TransformerConfig&) { return std::int64_t{1}; }};

}  // namespace
}  // namespace ablate
