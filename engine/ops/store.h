#pragma once

#include "ops/op.h"

namespace ablate {

/// Copies x into `to` (same shape, both f32): for results that must end up at a given place.
void store(Graph& graph, const Tensor& x, const Tensor& to);

}  // namespace ablate
