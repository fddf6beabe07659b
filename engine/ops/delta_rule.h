// The recurrence of Gated DeltaNet (Yang et al. 2024, arXiv 2412.06464).
#pragma once

#include "ops/op.h"

namespace ablate {

/// Of each token and head, how much of the state stays and how much of the new value is written: f32, (B, T, H).
struct DeltaGates {
  Tensor decay;  ///< exp(-exp(rate) softplus(a + bias)), in [0, 1]
  Tensor beta;   ///< sigmoid(b)
};
/// a, b: (B, T, H); rate ("A_log"), bias ("dt_bias"): (H) f32. Differentiable in all of them. Throws InputError when shapes do not fit.
DeltaGates delta_gates(Graph& graph, const Tensor& a, const Tensor& b, const Tensor& rate, const Tensor& bias);

constexpr std::uint32_t largest_delta_dim = 256;  ///< channels of a key, and of a value: so many numbers each invocation keeps

/// Each head has a state S (key_dim, value_dim), 0 before the first token, that goes through the tokens:
///   S <- decay S;  S <- S + k (beta (v - S^T k))^T;  y = scale S^T q        (equation 10 of the paper, in f32)
/// q, k: (B, T, key_heads * key_dim), of unit length as a rule; v: (B, T, H * value_dim) -> y like v. Value heads h with the same h / (H / key_heads) share a
/// key head. Differentiable in q, k, v and the gates. Throws InputError when shapes do not fit, or a head's channels exceed largest_delta_dim.
Tensor delta_rule(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& v, const DeltaGates& gates, std::uint32_t key_dim,
                  float scale);

}  // namespace ablate
