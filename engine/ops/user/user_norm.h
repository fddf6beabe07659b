#pragma once

#include "ops/user/user_shader.h"

namespace ablate {

/// A norm that an experiment file brings, over the last dimension. x: (..., D); parameters: f32 (D) or (1), in the shader's order.
/// Differentiable in all of them if the shader is; else InputError once a gradient is wanted.
Tensor user_norm(Graph& graph, const UserShader& shader, const Tensor& x, const std::vector<Tensor>& parameters, float eps);

}  // namespace ablate
