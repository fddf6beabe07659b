// What the forward shader of a norm (kind = "norm") may use. It defines
//
//   void forward()          writes y for one row, one token's channels; all invocations of a workgroup work on the row together
//
//   channels()              how many channels a row has (uint)
//   for_channels(i)         a loop over this invocation's channels
//   x(i), set_y(i, value)   channel i of the row and of the result, as float; inside for_channels
//   row_sum(v), row_max(v)  sum and maximum of v over the row's invocations; every invocation must call them, so not inside for_channels
//   epsilon()               model.norm_eps
//   NAME(i) or NAME()       a parameter of the experiment file, per channel or a scalar; NAME: a constant
#ifndef ABLATE_USER_NORM_GLSL
#define ABLATE_USER_NORM_GLSL
#include "common/math.glsl"
#include "common/reduce.glsl"

// x, y: (rows, dim)   parameters: (dim) or (1)
layout(push_constant) uniform Push {
  In x; Out y; InF32 parameter0; InF32 parameter1; InF32 parameter2; InF32 parameter3;
  uint rows, dim; float epsilon;
} p;

uint row_;
uint channels() { return p.dim; }
#define for_channels(i) for (uint i = lane(); i < p.dim; i += lanes())
float x(uint i) { return load(p.x, row_ * p.dim + i); }
void set_y(uint i, float value) { store(p.y, row_ * p.dim + i, value); }
float row_sum(float v) { return workgroup_sum(v); }
float row_max(float v) { return workgroup_max(v); }
float epsilon() { return p.epsilon; }
#endif
