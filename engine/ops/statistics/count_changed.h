#pragma once

#include "ops/op.h"

namespace ablate {

/// How many entries of every row differ in value: a, b (..., C) of one shape and type -> (rows) i32. Zeros of either sign are one value, and a NaN
/// differs from all but one of the same bits. Throws InputError when shapes or types are not the same.
Tensor count_changed(Graph& graph, const Tensor& a, const Tensor& b);

}  // namespace ablate
