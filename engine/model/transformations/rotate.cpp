#include "model/transformations/rotate.h"

#include "base/error.h"
#include "base/hadamard.h"
#include "model/transformations/residual.h"

#include <algorithm>

namespace ablate {
namespace {

bool is_rms(const std::string& kind) { return kind == "rmsnorm" || kind == "rmsnorm_plus_one" || kind == "none"; }

/// What a norm's weight multiplies its channels by; ones without a norm.
std::vector<double> factors(const Weights& weights, const std::string& norm, const std::string& kind) {
  std::vector<double> result(static_cast<std::size_t>(weights.config().d_model), 1.0);
  if (norm.empty()) return result;
  const std::vector<float> w = weights.read(norm + ".weight");
  for (std::size_t i = 0; i < w.size(); ++i) result[i] = static_cast<double>(w[i]) + (kind == "rmsnorm_plus_one" ? 1.0 : 0.0);
  return result;
}

void rotate_rows(std::vector<float>& values, const std::vector<double>& factor, const HadamardRotation& rotation) {
  const std::size_t width = rotation.size();
  std::vector<double> row(width);
  for (auto at = values.begin(); at != values.end(); at += static_cast<std::ptrdiff_t>(width)) {
    std::transform(at, at + static_cast<std::ptrdiff_t>(width), factor.begin(), row.begin(),
                   [](float x, double f) { return static_cast<double>(x) * f; });
    rotation.turn(row);
    std::transform(row.begin(), row.end(), at, [](double x) { return static_cast<float>(x); });
  }
}

// (matrices * d_model, width): of each matrix.
void rotate_columns(std::vector<float>& values, std::size_t width, const HadamardRotation& rotation) {
  const std::size_t height = rotation.size();
  std::vector<double> column(height);
  for (std::size_t matrix = 0; matrix < values.size(); matrix += height * width)
    for (std::size_t c = 0; c < width; ++c) {
      for (std::size_t r = 0; r < height; ++r) column[r] = static_cast<double>(values[matrix + r * width + c]);
      rotation.turn(column);
      for (std::size_t r = 0; r < height; ++r) values[matrix + r * width + c] = static_cast<float>(column[r]);
    }
}

}  // namespace

TransformerConfig rotated_config(const TransformerConfig& config, const std::string& where) {
  require(is_rms(config.norm) && is_rms(config.final_norm_kind()), "{}: the norm \"{}\" does not commute with a rotation, as RMSNorm does",
          where, is_rms(config.norm) ? config.final_norm_kind() : config.norm);
  require(!config.output_norm && !config.post_norm,
          "{}: a norm on blocks' outputs (model.{}) has a weight for every channel that is there now", where,
          config.output_norm ? "output_norm" : "post_norm");
  require(config.gate == "none" || config.gate_input != GateInput::embedding,
          "{}: the gate reads the token's embedding (model.gate_input = \"embedding\")", where);
  HadamardRotation(static_cast<std::size_t>(config.d_model), 0, (where + ": model.d_model").c_str());
  TransformerConfig rotated = config;
  rotated.tie_embeddings = false;
  return rotated;
}

void rotate_residual(const Weights& from, Weights& to, std::uint64_t seed) {
  const TransformerConfig& config = to.config();
  const HadamardRotation rotation(static_cast<std::size_t>(config.d_model), seed, "model.d_model");
  const bool tied = from.config().tie_embeddings;
  for (const ParameterSpec& spec : parameters(config))
    if (!tied || spec.kind != ParameterKind::head) to.write(spec.name, from.read(spec.name));
  std::vector<std::string> norms;
  for (const ResidualParameter& one : residual_parameters(config)) {
    const bool copied_head = tied && one.spec.kind == ParameterKind::head;
    std::vector<float> values = from.read(copied_head ? "model.embed_tokens.weight" : one.spec.name);
    const std::string& kind = one.norm == "model.norm" ? config.final_norm_kind() : config.norm;
    if (one.rows) rotate_rows(values, factors(from, one.norm, kind), rotation);
    if (one.columns) rotate_columns(values, static_cast<std::size_t>(one.spec.shape[1]), rotation);
    to.write(one.spec.name, values);
    if (!one.norm.empty())
      to.write(one.norm + ".weight",
               std::vector<float>(static_cast<std::size_t>(config.d_model), kind == "rmsnorm_plus_one" ? 0.0f : 1.0f));
  }
}

}  // namespace ablate
