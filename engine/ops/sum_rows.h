#pragma once

#include "ops/op.h"

namespace ablate {

/// Sums the rows of x (rows, dim), f32, in a fixed order -> (dim). The second half of every reduction over tokens.
Tensor sum_rows(Graph& graph, const Tensor& x);

/// Into how many chunks of rows a reduction over tokens is split: enough to fill a GPU, few enough that the second pass is short.
std::uint32_t row_chunks(std::uint32_t rows);

}  // namespace ablate
