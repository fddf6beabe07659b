// Initial weights that golden values were computed from: PyTorch's numbers of a seed, so that the files need not be kept.
#pragma once

#include "model/config.h"

#include <cstdint>
#include <filesystem>

namespace ablate::test {

/// Writes a safetensors file of all parameters, each drawn after the other from torch.Generator().manual_seed(seed) in float64 and stored as f32: a norm's weights
/// 1 + 0.1 n, scalars of dyt their start, all others 0.08 n, with n = torch.randn(shape).
void write_seeded_weights(const std::filesystem::path& file, const TransformerConfig& config, std::uint64_t seed);

}  // namespace ablate::test
