// What a statistic's shader (kind = "statistic") may use. It defines
//
//   float forward()         the statistic of one row, one token's channels at a hook point; all invocations of a workgroup work on the row together
//
//   channels()              how many channels a row has (uint)
//   for_channels(i)         a loop over this invocation's channels
//   x(i)                    channel i of the row, as float; inside for_channels
//   row_sum(v), row_max(v)  sum and maximum of v over the row's invocations; every invocation must call them, so not inside for_channels
//   NAME                    a constant of the experiment file
#ifndef ABLATE_USER_STATISTIC_GLSL
#define ABLATE_USER_STATISTIC_GLSL
#include "common/math.glsl"
#include "common/reduce.glsl"

// x: (rows, dim)   y: (rows)
layout(push_constant) uniform Push { In x; OutF32 y; uint rows, dim; } p;

uint row_;
uint channels() { return p.dim; }
#define for_channels(i) for (uint i = lane(); i < p.dim; i += lanes())
float x(uint i) { return load(p.x, row_ * p.dim + i); }
float row_sum(float v) { return workgroup_sum(v); }
float row_max(float v) { return workgroup_max(v); }
#endif
