#pragma once

#include "ops/op.h"

namespace ablate {

/// Norm of a sequence's first token over the mean norm of its others (the proxy for massive activations of Gu et al. 2025, arXiv
/// 2410.10781). norms: (B, T) f32, T >= 2, row_norms of a state (B, T, C) reshaped -> (B) f32.
Tensor first_token_norm_ratio(Graph& graph, const Tensor& norms);

}  // namespace ablate
