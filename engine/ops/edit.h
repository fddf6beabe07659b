// Edits of a hook point's tensor: what interventions are made of. None is differentiable.
#pragma once

#include "ops/op.h"

#include <cstdint>
#include <vector>

namespace ablate {

/// What becomes of an entry x and the edit's value v: zero 0, scale x * v, set v, add x + v, clamp min(max(x, -|v|), |v|).
enum class EditKind : std::uint32_t { zero, scale, set, add, clamp };

/// Which entries of a (B, T, C) tensor are edited, and how.
struct Edit {
  EditKind kind = EditKind::zero;
  std::vector<std::uint32_t> channels{};  ///< empty: all
  std::vector<std::uint32_t> tokens{};    ///< positions, the same in every sequence; empty: all
  std::vector<float> value{0.0f};         ///< one for all, or one per listed channel (per channel when none are listed)
  Tensor values{};                        ///< instead of `value`: (C) f32, say a mean computed on the device
  Tensor token_mask{};                    ///< (B, T) f32, further restricts the edit to the tokens where it is not 0; none
};

/// A copy of x (B, T, C) with the edit made. Throws InputError when a channel or token is outside, or the values do not fit.
Tensor edit(Graph& graph, const Tensor& x, const Edit& edit);

/// The channels of the given heads, each of `head_dim` consecutive ones.
std::vector<std::uint32_t> channels_of_heads(const std::vector<std::uint32_t>& heads, std::uint32_t head_dim);

/// x (B, T, C) without its components along the rows d of `directions` (K, C) f32, which must be orthonormal: x - sum_d (x . d) d at the
/// given tokens (empty: all). Throws InputError when the shapes do not fit.
Tensor project_out(Graph& graph, const Tensor& x, const Tensor& directions, const std::vector<std::uint32_t>& tokens = {});

}  // namespace ablate
