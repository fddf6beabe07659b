// Matrix products, and the linear layer made of them.
#pragma once

#include "ops/matrix.h"
#include "ops/op.h"

namespace ablate {

/// How the operands are stored: nn A (M, K) and B (K, N); nt B as (N, K); tn A as (K, M).
enum class Layout { nn, nt, tn };

struct MatmulOptions {
  DType out = DType::f32;  ///< element type of the product
  Tensor residual{};       ///< added to the product: same shape and type; none
  Tensor into{};           ///< where the product goes: (..., M, N) of type `out`, may be `residual` itself; none: a new tensor
  Tensor bias{};           ///< added to every row of the product: (N), f32; none
  std::string kernel{};    ///< a kernel as to_string(MatmulKernel) names it, for benchmarks and tests; empty: the tuned one, or the default
};

/// A B (+ bias + residual) over the last two dimensions; leading dimensions are a batch and must agree. f32 accumulation. Operands that
/// kernels cannot index are multiplied in pieces: batch by batch, by rows of A, or, where A is stored (K, M), by runs of K, which round the
/// sum to the product's type in between. B may be kept in blocks of a storage format, stored (N, K). Not differentiable by itself (see linear). Throws InputError when the shapes do not fit, or when the named kernel does not fit them or the
/// device.
Tensor matmul(Graph& graph, const Tensor& a, const Tensor& b, Layout layout, const MatmulOptions& options = {});

/// x W^T (+ residual): x (..., K), w (N, K) -> (..., N) in x's type. Differentiable in x, every part of w, and the residual.
Tensor linear(Graph& graph, const Tensor& x, const Matrix& w, const Tensor& residual = {});

}  // namespace ablate
