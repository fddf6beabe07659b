// Leaves out the update of a step whose loss is too high.
#pragma once

#include "ops/optimizer.h"

namespace ablate {

/// What StepControl::skipped holds of a step that the guard left out.
constexpr std::int32_t skipped_by_guard = 2;

/// Between step_control and the updates: where loss > limit and the gradients are finite, the step is skipped and `state` counts no update;
/// a dynamic loss scale goes on as after any step with finite gradients. loss, limit: (1) f32.
void loss_guard(Graph& graph, const StepControl& control, const Tensor& state, const Tensor& loss, const Tensor& limit);

}  // namespace ablate
