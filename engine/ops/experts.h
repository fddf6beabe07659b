// A mixture of experts: a router picks some for each token, and only those are computed. Nothing is dropped, however many tokens pick the same one.
#pragma once

#include "ops/matrix.h"
#include "ops/op.h"

#include <cstdint>

namespace ablate {

/// Which experts each token goes to. A token's j-th expert is slot token * chosen + j.
struct Routing {
  std::uint32_t tokens = 0, experts = 0, chosen = 0;
  Tensor picked;   ///< (tokens, chosen) i32, the most probable first
  Tensor weights;  ///< (tokens, chosen) f32
  Tensor order;    ///< (slots) i32: slots by expert; those of expert e are order[starts[e]] to order[starts[e + 1] - 1]
  Tensor starts;   ///< (experts + 1) i32

  std::uint32_t slots() const { return tokens * chosen; }
};

/// logits: (..., experts). Of each token the `chosen` experts of the largest logits, of equal ones the first. Their weights are the softmax over all
/// experts, or, `normed`, over those that were chosen. The weights are differentiable in the logits, the choice is not. Throws InputError when there
/// are fewer experts than are to be chosen.
Routing route(Graph& graph, const Tensor& logits, std::uint32_t chosen, bool normed);

/// x W^T (+ bias) with the matrix of each slot's expert: (slots, N) in x's type. x: a row for each token, or for each slot. w: (experts * N, K), one expert's
/// rows after another's; bias: (experts * N) f32, or none. Differentiable in x, w and bias. Throws InputError when shapes do not fit, or w lies in
/// several allocations.
Tensor expert_linear(Graph& graph, const Tensor& x, const Matrix& w, const Routing& routing, const Tensor& bias = {});

/// What the slots of each token add up to, by their weights: x (slots, D) -> (tokens, D), plus `residual` of as many elements, whose shape it then has.
/// Differentiable in x, the weights and the residual. Throws InputError when shapes do not fit.
Tensor combine_experts(Graph& graph, const Tensor& x, const Routing& routing, const Tensor& residual = {});

}  // namespace ablate
