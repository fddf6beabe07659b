// Gradients as a device computes them, against differences of the values it computes.
#pragma once

#include "experiment/shaders/samples.h"
#include "vulkan/pipeline.h"

#include <string>
#include <vector>

namespace ablate {

struct GradientCheck {
  std::string sample;
  int input = 0;                   ///< 1 is the first
  int points = 0, kinks = 0;       ///< elements that were compared; elements passed over because the function bends there
  double worst = 0;                ///< largest error, in units of what is allowed
  double expected = 0, found = 0;  ///< at the worst element: what the differences give, and the gradient
  bool passed() const { return points > 0 && worst <= 1; }
};

/// Checks some elements of every differentiable input of a sample, in f32.
std::vector<GradientCheck> check_gradients(Pipelines& pipelines, const OpSample& sample);

}  // namespace ablate
