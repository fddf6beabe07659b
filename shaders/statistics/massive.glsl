// The criterion of Sun et al. 2024. The threshold must not be below 0: zeros fill groups that are not there.
#ifndef ABLATE_MASSIVE_GLSL
#define ABLATE_MASSIVE_GLSL
#include "common/reduce.glsl"
#include "common/span.glsl"

bool is_massive(float x, float threshold, float least) { return abs(x) > threshold && abs(x) >= least; }
#endif
