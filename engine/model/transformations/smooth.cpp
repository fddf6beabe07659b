#include "model/transformations/smooth.h"

#include "base/error.h"
#include "model/transformations/residual.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

bool in_layer(const ResidualParameter& one) { return !one.norm.empty() && one.norm != "model.norm"; }

std::vector<double> scales(const std::vector<float>& inputs, const std::vector<std::vector<float>>& matrices, double alpha) {
  const std::size_t width = inputs.size();
  std::vector<float> weights(width, 0.0f);
  for (const std::vector<float>& matrix : matrices)
    for (std::size_t i = 0; i < matrix.size(); ++i) weights[i % width] = std::max(weights[i % width], std::abs(matrix[i]));
  std::vector<double> result(width, 1.0);
  for (std::size_t j = 0; j < width; ++j)
    if (inputs[j] > 0 && weights[j] > 0)
      result[j] = std::max(1e-5, std::pow(static_cast<double>(inputs[j]), alpha) / std::pow(static_cast<double>(weights[j]), 1 - alpha));
  return result;
}

}  // namespace

std::vector<std::string> norms_to_smooth(const TransformerConfig& config, const std::string& where) {
  const std::vector<ParameterSpec> all = parameters(config);
  std::vector<std::string> norms;
  for (const ResidualParameter& one : residual_parameters(config))
    if (in_layer(one) && (norms.empty() || norms.back() != one.norm)) norms.push_back(one.norm);
  require(!norms.empty(), "{}: no matrix reads through a norm, which could take its scales", where);
  const auto weight = std::find_if(all.begin(), all.end(), [&](const ParameterSpec& spec) { return spec.name == norms[0] + ".weight"; });
  require(weight != all.end() && weight->shape == std::vector<std::int64_t>{config.d_model},
          "{}: the norm \"{}\" has no weight for every channel, which could take its scale", where, config.norm);
  return norms;
}

void smooth(Weights& weights, const std::map<std::string, std::vector<float>>& largest, double alpha) {
  const TransformerConfig& config = weights.config();
  const std::vector<ResidualParameter> readers = residual_parameters(config);
  for (const std::string& norm : norms_to_smooth(config, "smooth")) {
    std::vector<std::string> names;
    std::vector<std::vector<float>> matrices;
    for (const ResidualParameter& one : readers)
      if (one.norm == norm) names.push_back(one.spec.name), matrices.push_back(weights.read(one.spec.name));
    const std::vector<double> s = scales(largest.at(norm), matrices, alpha);
    for (std::size_t m = 0; m < names.size(); ++m) {
      for (std::size_t i = 0; i < matrices[m].size(); ++i)
        matrices[m][i] = static_cast<float>(static_cast<double>(matrices[m][i]) * s[i % s.size()]);
      weights.write(names[m], matrices[m]);
    }
    for (const ParameterSpec& spec : norm_parameters(config.norm, {config, norm, config.d_model, 0.0})) {
      const bool weight = spec.name == norm + ".weight";
      if (!weight && spec.kind != ParameterKind::norm_bias) continue;
      const double offset = config.norm == "rmsnorm_plus_one" && weight ? 1.0 : 0.0;
      std::vector<float> values = weights.read(spec.name);
      for (std::size_t j = 0; j < values.size(); ++j)
        values[j] = static_cast<float>((static_cast<double>(values[j]) + offset) / s[j] - offset);
      weights.write(spec.name, values);
    }
  }
}

}  // namespace ablate
