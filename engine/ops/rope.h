// Rotary position embedding (Su et al. 2021), halves convention of Hugging Face.
#pragma once

#include "ops/op.h"

#include <span>
#include <vector>

namespace ablate {

/// (positions, head_dim): row t holds the cosines of t * frequency for the head_dim / 2 frequencies (radians per position), then the sines.
/// Angles are computed in double.
std::vector<float> rope_table(std::uint32_t positions, std::span<const double> frequencies);

/// Rotates each head of x: with (a, b) its halves and c, s the cosines and sines of the token's position, (a c - b s, b c + a s).
/// x: (B, T, heads * head_dim), table: (>= T, head_dim) f32 -> like x. Differentiable in x. Throws InputError when shapes do not fit.
Tensor rope(Graph& graph, const Tensor& x, std::uint32_t head_dim, const Tensor& table);

}  // namespace ablate
