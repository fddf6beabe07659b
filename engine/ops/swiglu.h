#pragma once

#include "ops/op.h"

#include <string>

namespace ablate {

/// Gated linear unit (Shazeer 2020, arXiv 2002.05202): activation(gate) * up; SwiGLU with "silu", GeGLU with "gelu", ReGLU with "relu".
/// gate, up: one shape and type -> the same. Differentiable in both. Throws InputError when they differ or the activation is not known.
Tensor swiglu(Graph& graph, const Tensor& gate, const Tensor& up, const std::string& activation = "silu");

}  // namespace ablate
