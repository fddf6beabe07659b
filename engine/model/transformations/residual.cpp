#include "model/transformations/residual.h"

#include <algorithm>

namespace ablate {
namespace {

std::string without(const std::string& name, const std::string& ending) { return name.substr(0, name.size() - ending.size()); }

/// "model.layers.3." and "self_attn." or "mlp." of a layer's parameter.
std::pair<std::string, std::string> place_of(const std::string& name) {
  const auto layer = name.find('.', std::string("model.layers.").size()) + 1, block = name.find('.', layer) + 1;
  return {name.substr(0, layer), name.substr(layer, block - layer)};
}

std::string norm_before(const TransformerConfig& c, const std::string& name) {
  const auto [layer, block] = place_of(name);
  if (block == "self_attn.") return c.attn_input_norm ? layer + "input_layernorm" : "";
  return c.ffn_input_norm ? layer + "post_attention_layernorm" : "";
}

std::string final_norm(const TransformerConfig& c) { return c.final_norm_kind() == "none" ? "" : "model.norm"; }

}  // namespace

std::vector<ResidualParameter> residual_parameters(const TransformerConfig& c) {
  const std::vector<ParameterSpec> all = parameters(c);
  const auto adds_to_stream = [&](const std::string& bias) {
    return std::any_of(all.begin(), all.end(), [&](const ParameterSpec& spec) {
      return spec.kind == ParameterKind::residual_linear && spec.name == without(bias, ".bias") + ".weight";
    });
  };
  std::vector<ResidualParameter> found;
  for (const ParameterSpec& spec : all) {
    const bool in_layer = spec.name.starts_with("model.layers.");
    ResidualParameter one{spec};
    switch (spec.kind) {
      case ParameterKind::embedding: one.rows = c.embedding_dim == 0; break;
      case ParameterKind::position: one.rows = true; break;
      case ParameterKind::head: one.rows = c.embedding_dim == 0, one.norm = final_norm(c); break;
      case ParameterKind::linear:
        one.columns = spec.name == "model.project_in.weight", one.rows = !one.columns;
        one.norm = one.columns ? "" : in_layer ? norm_before(c, spec.name) : final_norm(c);
        break;
      case ParameterKind::residual_linear:
        one.columns = true, one.rows = spec.name.ends_with("mlp.proj.weight");
        if (one.rows) one.norm = norm_before(c, spec.name);
        break;
      case ParameterKind::linear_bias: one.rows = adds_to_stream(spec.name); break;
      default: break;
    }
    if (one.rows || one.columns) found.push_back(std::move(one));
  }
  return found;
}

}  // namespace ablate
