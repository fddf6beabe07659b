#pragma once

#include "ops/op.h"

namespace ablate {

/// Columns [first, first + count) of x (..., C) -> (..., count), a copy. Differentiable. Throws InputError when there are not so many.
Tensor copy_columns(Graph& graph, const Tensor& x, std::uint32_t first, std::uint32_t count);

}  // namespace ablate
