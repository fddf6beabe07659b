#pragma once

#include "ops/quantize.h"

namespace ablate {

/// Rows of x (..., n) times a Hadamard matrix: y = H x / sqrt(n), H that of base/hadamard.h without signs; `back`: y = H^T x / sqrt(n), its inverse. f32. Throws
/// InputError where there is none of order n. Differentiable.
Tensor hadamard(Graph& graph, const Tensor& x, bool back = false);

/// quantize() in that basis: x is turned, quantized and turned back, in f32, and rounded to its own type once. As if a Hadamard matrix stood before a product and its inverse in the
/// product's weights ("online Hadamard", Ashkboos et al. 2024, QuaRot, arXiv 2404.00456). First tokens that stay in float stay but for roundings.
Tensor quantize_turned(Graph& graph, const Tensor& x, const Quantization& q);
Matrix quantize_turned(Graph& graph, const Matrix& w, const Quantization& q, std::uint32_t matrices = 1);

}  // namespace ablate
