// Pointwise activations by name: "silu", "gelu" (exact), "gelu_tanh" (its approximation by tanh, GPT-2's and Gemma's), "relu", and those that an experiment file brings.
#pragma once

#include "ops/user/user_shader.h"

#include <string>

namespace ablate {

struct ActivationKind {
  static constexpr std::uint32_t user_code = 3;
  std::uint32_t code;          ///< what shaders/common/activation.glsl knows it by
  UserShaderHandle user = {};  ///< the functions behind user_code
};
using Activations = Registry<ActivationKind>;

/// The activation `name` of every element of x. Differentiable. Throws InputError when the name is not known.
Tensor activation(Graph& graph, const std::string& name, const Tensor& x);

}  // namespace ablate
