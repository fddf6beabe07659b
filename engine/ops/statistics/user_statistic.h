#pragma once

#include "ops/user/user_shader.h"

namespace ablate {

/// A statistic of every row that an experiment file brings. x: (..., C) -> (rows) f32.
Tensor user_statistic(Graph& graph, const UserShader& shader, const Tensor& x);

}  // namespace ablate
