// The rotation frequencies of RoPE, with the context-extension rules of real checkpoints.
#pragma once

#include <cstdint>
#include <vector>

namespace ablate {

struct TransformerConfig;

/// How a layer rotates.
struct Rotation {
  std::vector<double> frequencies;  ///< radians per position of each pair of channels
  double magnitude = 1.0;           ///< cosines and sines are multiplied by it
  bool operator==(const Rotation&) const = default;
};

/// The rotation of a layer for sequences of so many tokens. Its r = rotated_channels(layer) give r / 2 frequencies, rope_theta^(-2i / r) (Su et al. 2021),
/// - linear (Chen et al. 2023): divided by `factor`;
/// - dynamic: of a base that grows once there are more tokens than the original context;
/// - llama3: wavelengths beyond the original context / low_freq_factor are divided by `factor`, those within that / high_freq_factor are kept, and
///   those between are interpolated;
/// - yarn (Peng et al. 2023): channels that turn fewer than beta_slow times within the original context are divided by `factor`, those that turn more
///   than beta_fast times are kept, those between are interpolated;
/// - longrope (Ding et al. 2024): each divided by a number of its own, of one list up to the original context and of another beyond.
Rotation rotation(const TransformerConfig& config, int layer, std::uint32_t tokens);

}  // namespace ablate
