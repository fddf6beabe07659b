// Words of StepControl::values, and of StepState; see engine/ops/optimizer.h.
#ifndef ABLATE_CONTROL_GLSL
#define ABLATE_CONTROL_GLSL

const uint CONTROL_GRADIENT_FACTOR = 0, CONTROL_NORM = 1, CONTROL_SKIPPED = 2, CONTROL_CORRECTION1 = 3, CONTROL_ROOT_CORRECTION2 = 4;
const uint STATE_LOSS_SCALE = 0, STATE_GOOD_STEPS = 1, STATE_STEPS = 2, STATE_SKIPPED = 3;
#endif
