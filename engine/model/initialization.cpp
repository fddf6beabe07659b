#include "model/initialization.h"

#include "base/error.h"
#include "base/random.h"

#include <fmt/format.h>

#include <cmath>

namespace ablate {
namespace {

using Law = Initializer::Law;
using Rule = Initializer (*)(const TransformerConfig&, const ParameterSpec&);

bool is_table(const ParameterSpec& p) { return p.kind == ParameterKind::embedding || p.kind == ParameterKind::position; }

double fan_in(const ParameterSpec& p) { return static_cast<double>(p.shape.back()); }

Initializer paper(const TransformerConfig& c, const ParameterSpec& p) {
  if (is_table(p)) return {Law::normal, 1.0};
  if (p.kind == ParameterKind::head) return {Law::normal, 1.0 / std::sqrt(c.d_model)};
  return {Law::normal, 0.02};
}

Initializer gpt2(const TransformerConfig& c, const ParameterSpec& p) {
  return {Law::normal, p.kind == ParameterKind::residual_linear ? 0.02 / std::sqrt(c.blocks()) : 0.02};
}

Initializer gu(const TransformerConfig& c, const ParameterSpec& p) {
  const bool ffn_output = p.kind == ParameterKind::residual_linear && p.name.find(".mlp.") != std::string::npos && !c.second_is_attention();
  if (ffn_output) return {Law::normal, 1.0 / (std::sqrt(fan_in(p)) * c.n_layers)};
  return {Law::normal, std::sqrt(2.0 / (5.0 * fan_in(p)))};  // a table's last dimension is d_model
}

Initializer pytorch(const TransformerConfig&, const ParameterSpec& p) {
  if (is_table(p)) return {Law::normal, 1.0};
  return {Law::uniform, 1.0 / std::sqrt(fan_in(p))};
}

constexpr std::pair<std::string_view, Rule> rules[] = {{"paper", paper}, {"gpt2", gpt2}, {"gu", gu}, {"pytorch", pytorch}};

Rule find_rule(std::string_view name) {
  for (const auto& [known, rule] : rules)
    if (known == name) return rule;
  bad_input("init_rule: expected one of {}, found \"{}\"", fmt::join(initialization_rules(), ", "), name);
}

}  // namespace

std::vector<std::string> initialization_rules() {
  std::vector<std::string> names;
  for (const auto& [name, rule] : rules) names.emplace_back(name);
  return names;
}

Initializer initializer(const TransformerConfig& config, const ParameterSpec& parameter, std::string_view rule) {
  const Rule by_fan = find_rule(rule);
  switch (parameter.kind) {
    case ParameterKind::norm_weight: return {Law::constant, 1.0};
    case ParameterKind::norm_alpha: return {Law::constant, parameter.start};
    case ParameterKind::norm_bias:
    case ParameterKind::linear_bias:
    case ParameterKind::sink_logit: return {Law::constant, 0.0};
    case ParameterKind::gate:
    case ParameterKind::attention_bias: return {Law::normal, 0.02};
    case ParameterKind::embedding:
    case ParameterKind::position:
    case ParameterKind::convolution:
    case ParameterKind::linear:
    case ParameterKind::residual_linear:
    case ParameterKind::head: return by_fan(config, parameter);
  }
  return {};
}

void initialize(std::span<float> out, const ParameterSpec& parameter, const Initializer& initializer, std::uint64_t seed,
                std::uint64_t first) {
  const CounterRandom random(seed, parameter.name);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t index = first + i;
    switch (initializer.law) {
      case Law::constant: out[i] = static_cast<float>(initializer.scale); break;
      case Law::normal: out[i] = static_cast<float>(initializer.scale * random.normal(index)); break;
      case Law::uniform: out[i] = static_cast<float>(initializer.scale * (2.0 * random.uniform(index) - 1.0)); break;
    }
  }
}

}  // namespace ablate
