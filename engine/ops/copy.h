#pragma once

#include "ops/op.h"

namespace ablate {

/// Columns [first, first + count) of x (..., C) -> (..., count), a copy. Differentiable. Throws InputError when there are not so many.
Tensor copy_columns(Graph& graph, const Tensor& x, std::uint32_t first, std::uint32_t count);

/// x (..., c) into columns [first, first + c) of y (..., C), whose other columns stay. Not differentiable. Throws InputError when it does
/// not fit.
void copy_into_columns(Graph& graph, const Tensor& x, const Tensor& y, std::uint32_t first);

/// The parts (..., c) side by side -> (..., sum of c), of one type. Differentiable.
Tensor join_columns(Graph& graph, const std::vector<Tensor>& parts);

}  // namespace ablate
