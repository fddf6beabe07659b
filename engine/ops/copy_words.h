#pragma once

#include "ops/op.h"

namespace ablate {

/// Copies x into `to`, any 32-bit elements, bit for bit: between the device's memory and memory the host sees.
void copy_words(Graph& graph, const Tensor& x, const Tensor& to);

}  // namespace ablate
