#pragma once

#include "ops/op.h"

namespace ablate {

/// Whole numbers, i32, that are 0 when the dispatches that follow add to them.
Tensor counters(Graph& graph, Shape shape);

}  // namespace ablate
