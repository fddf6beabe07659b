// Pointwise activations by name: "silu", "gelu" (exact, not the tanh approximation), "relu".
#pragma once

#include "ops/op.h"

#include <string>

namespace ablate {

struct ActivationKind {
  std::uint32_t code;  ///< what shaders/common/activation.glsl knows it by
};
using Activations = Registry<ActivationKind>;

/// The activation `name` of every element of x. Differentiable. Throws InputError when the name is not known.
Tensor activation(Graph& graph, const std::string& name, const Tensor& x);

}  // namespace ablate
