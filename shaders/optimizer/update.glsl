// What the optimizers' update kernels share: which elements decay, and walking the arenas in groups of four with a cut last one.
#ifndef ABLATE_UPDATE_GLSL
#define ABLATE_UPDATE_GLSL
#include "common/span.glsl"
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

vec4 load_group(WordsF32x4 x, uint group, uint count) {
  if (4 * group + 4 <= count) return x.at[group];
  vec4 value = vec4(0.0);
  for (uint j = 0; 4 * group + j < count; ++j) value[j] = WordsF32(x).at[4 * group + j];
  return value;
}

void store_group(WordsF32x4 x, uint group, uint count, vec4 value) {
  if (4 * group + 4 <= count) x.at[group] = value;
  else for (uint j = 0; 4 * group + j < count; ++j) WordsF32(x).at[4 * group + j] = value[j];
}
#define load_f32(p, group, count) load_group(WordsF32x4(p), group, count)
#define store_f32(p, group, count, value) store_group(WordsF32x4(p), group, count, value)
#endif
