// The token of every sequence that holds its largest entry: where Sun et al. 2024 (arXiv 2402.17762) intervene besides the first.
#pragma once

#include "ops/op.h"

namespace ablate {

/// Where the largest |x| of every sequence is: x (B, T, C) -> (B, 1) i32, ties to the first token.
Tensor largest_tokens(Graph& graph, const Tensor& x);

/// 1 at one token of every sequence, 0 elsewhere: tokens (B, 1) i32 -> (B, time) f32.
Tensor token_mask(Graph& graph, const Tensor& tokens, std::uint32_t time);

/// One token of every sequence: x (B, T, C), tokens (B, k) i32, of which the first counts -> (B, C) f32.
Tensor take_tokens(Graph& graph, const Tensor& x, const Tensor& tokens);

}  // namespace ablate
