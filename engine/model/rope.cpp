#include "model/rope.h"

#include "model/config.h"

#include <cmath>
#include <numbers>

namespace ablate {
namespace {

double scaled(const RopeScaling& scaling, double frequency) {
  if (scaling.kind == RopeScalingKind::none) return frequency;
  const double stretched = frequency / scaling.factor;
  if (scaling.kind == RopeScalingKind::linear) return stretched;
  const double context = scaling.original_max_position_embeddings, wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength > context / scaling.low_freq_factor) return stretched;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  const double kept = (context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1.0 - kept) * stretched + kept * frequency;
}

}  // namespace

std::vector<double> rope_frequencies(const TransformerConfig& config) {
  std::vector<double> frequencies(static_cast<std::size_t>(config.head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i)
    frequencies[i] = scaled(config.rope_scaling, std::pow(config.rope_theta, -2.0 * static_cast<double>(i) / config.head_dim));
  return frequencies;
}

}  // namespace ablate
