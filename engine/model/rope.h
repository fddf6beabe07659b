// The rotation frequencies of RoPE, with the context-extension rules of real checkpoints.
#pragma once

#include <vector>

namespace ablate {

struct TransformerConfig;

/// Radians per position of each of the head_dim / 2 channel pairs: rope_theta^(-2i / head_dim) (Su et al. 2021), divided by `factor` under
/// linear scaling (Chen et al. 2023), or by Llama 3's rule: wavelengths beyond original_max_position_embeddings / low_freq_factor are
/// divided by `factor`, those within original_max_position_embeddings / high_freq_factor are kept, and those between are interpolated.
std::vector<double> rope_frequencies(const TransformerConfig& config);

}  // namespace ablate
