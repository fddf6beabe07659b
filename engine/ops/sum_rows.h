#pragma once

#include "ops/op.h"

namespace ablate {

/// Sums the rows of x (rows, dim), of any float type, in a fixed order -> (dim) f32. The second half of every reduction over tokens. Not
/// differentiable.
Tensor sum_rows(Graph& graph, const Tensor& x);

/// The same into `y`, f32 with dim elements.
void sum_rows_into(Graph& graph, const Tensor& x, const Tensor& y);

/// Into how many chunks of rows a reduction over tokens is split: enough to fill a GPU, few enough that the second pass is short.
std::uint32_t row_chunks(std::uint32_t rows);

}  // namespace ablate
