// The criterion of Sun et al. 2024. A threshold below 0 would let the fill of cut groups through, so it must not be.
#ifndef ABLATE_MASSIVE_GLSL
#define ABLATE_MASSIVE_GLSL
#include "common/reduce.glsl"
#include "common/span.glsl"

bool is_massive(float x, float threshold, float least) { return abs(x) > threshold && abs(x) >= least; }
#endif
