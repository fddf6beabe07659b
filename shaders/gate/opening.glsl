// What a gate multiplies by, four logits at a time, and its derivative.
#ifndef ABLATE_OPENING_GLSL
#define ABLATE_OPENING_GLSL
#include "user/functions/gate.glsl"
vec4 opening(vec4 z) { return vec4(forward(z.x), forward(z.y), forward(z.z), forward(z.w)); }
vec4 opening_slope(vec4 z) { return vec4(backward(z.x), backward(z.y), backward(z.z), backward(z.w)); }
#endif
