// Rotary position embedding (Su et al. 2021), halves convention of Hugging Face.
#pragma once

#include "ops/op.h"

#include <span>
#include <vector>

namespace ablate {

/// (positions, 2 * frequencies): row t holds the cosines of t * frequency for all frequencies (radians per position), then the sines.
/// Angles are computed in double. Cosines and sines are multiplied by `magnitude` (YaRN).
std::vector<float> rope_table(std::uint32_t positions, std::span<const double> frequencies, double magnitude = 1.0);

/// Rotates each head of x: with (a, b) its halves and c, s the cosines and sines of the token's position, (a c - b s, b c + a s).
/// Only the first channels of a head are rotated, as many as the table has columns; the others pass.
/// x: (B, T, heads * head_dim), table: (>= T, <= head_dim) f32 -> like x. Differentiable in x. Throws InputError when shapes do not fit.
Tensor rope(Graph& graph, const Tensor& x, std::uint32_t head_dim, const Tensor& table);

}  // namespace ablate
