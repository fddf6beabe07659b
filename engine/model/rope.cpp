#include "model/rope.h"

#include "model/config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ablate {
namespace {

double llama3(const RopeScaling& scaling, double frequency) {
  const double context = scaling.original_max_position_embeddings, wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength > context / scaling.low_freq_factor) return frequency / scaling.factor;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  const double kept = (context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1.0 - kept) * frequency / scaling.factor + kept * frequency;
}

/// The pair of channels, as a fraction, that turns so many times within the original context.
double pair_with(double turns, double theta, double channels, const RopeScaling& scaling) {
  return channels * std::log(scaling.original_max_position_embeddings / (turns * 2.0 * std::numbers::pi)) / (2.0 * std::log(theta));
}

void yarn(std::vector<double>& frequencies, const RopeScaling& scaling, double theta) {
  const auto channels = static_cast<double>(2 * frequencies.size());
  double low = pair_with(scaling.beta_fast, theta, channels, scaling), high = pair_with(scaling.beta_slow, theta, channels, scaling);
  if (scaling.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, channels - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] * (1.0 - stretched) + frequencies[i] / scaling.factor * stretched;
  }
}

double grown_theta(double theta, const RopeScaling& scaling, double channels, std::uint32_t tokens) {
  const double context = scaling.original_max_position_embeddings, length = std::max<double>(tokens, context);
  return theta * std::pow(scaling.factor * length / context - (scaling.factor - 1.0), channels / (channels - 2.0));
}

}  // namespace

Rotation rotation(const TransformerConfig& config, int layer, std::uint32_t tokens) {
  const RopeScaling& scaling = config.rope_scaling[layer];
  const double channels = config.rotated_channels(layer);
  double theta = config.rope_theta[layer];
  if (scaling.kind == RopeScalingKind::dynamic) theta = grown_theta(theta, scaling, channels, tokens);
  Rotation result{std::vector<double>(static_cast<std::size_t>(config.rotated_channels(layer) / 2)), scaling.attention_factor};
  std::vector<double>& all = result.frequencies;
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::pow(theta, -2.0 * static_cast<double>(i) / channels);
  const auto each = [&](const auto& scaled) { std::transform(all.begin(), all.end(), all.begin(), scaled); };
  switch (scaling.kind) {
    case RopeScalingKind::none:
    case RopeScalingKind::dynamic: break;
    case RopeScalingKind::linear: each([&](double f) { return f / scaling.factor; }); break;
    case RopeScalingKind::llama3: each([&](double f) { return llama3(scaling, f); }); break;
    case RopeScalingKind::yarn: yarn(all, scaling, theta); break;
    case RopeScalingKind::longrope: {
      const bool beyond = tokens > static_cast<std::uint32_t>(scaling.original_max_position_embeddings);
      const std::vector<double>& divisors = beyond ? scaling.long_factor : scaling.short_factor;
      std::transform(all.begin(), all.end(), divisors.begin(), all.begin(), [](double f, double divisor) { return f / divisor; });
    }
  }
  return result;
}

}  // namespace ablate
