// What the optimizers' update kernels share: their words of control, and which elements decay.
#ifndef ABLATE_UPDATE_GLSL
#define ABLATE_UPDATE_GLSL
#include "common/elementwise.glsl"
#include "optimizer/control.glsl"

// Decay is switched on at boundaries[0], off at boundaries[1], on at boundaries[2] and so on; boundaries are sorted multiples of four.
bool decays_at(InU32 boundaries, uint boundary_count, uint element) {
  uint passed = 0, end = boundary_count;  // of the boundaries at or before `element` there are `passed` to `end`
  while (passed < end) {
    const uint middle = (passed + end) / 2;
    if (boundaries.at[middle] <= element) passed = middle + 1;
    else end = middle;
  }
  return passed % 2 == 1;
}

// Group i of four of an arena, which starts at a multiple of 16 bytes.
#define four(p, i) WordsF32x4(Words(p)).at[i]
#endif
