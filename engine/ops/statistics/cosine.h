#pragma once

#include "ops/op.h"

namespace ablate {

/// Row i of a against row i of b, or a's row a_rows[i] against b's row b_rows[i].
struct CosineRows {
  Tensor cosine;  ///< (n) f32; 0 where one of the two is the zero vector
  Tensor norm_a;  ///< (n) f32
  Tensor norm_b;  ///< (n) f32
};

/// a: (..., C), b: (..., C) of a's type; a_rows, b_rows: (n) i32 or none (all rows, in order). An index outside gives NaN.
CosineRows cosine_rows(Graph& graph, const Tensor& a, const Tensor& b, const Tensor& a_rows = {}, const Tensor& b_rows = {});

/// Cosine of every pair among the chosen rows of x (..., C) -> (n, n) f32. rows: (n) i32 or none (all). Meant for few rows: it reads n^2 of
/// them.
Tensor pairwise_cosine(Graph& graph, const Tensor& x, const Tensor& rows = {});

}  // namespace ablate
