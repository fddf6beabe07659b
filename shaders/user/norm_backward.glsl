// What the backward shader of a norm may use. It defines
//
//   void backward()            writes the gradient of x for one row, and adds to the parameters' gradients
//
//   x(i), dy(i)                channel i of the row, and of the gradient of its result; inside for_channels
//   set_dx(i, value)           writes the gradient of x(i), once for each channel
//   add_NAME(i, value)         adds to the gradient of a parameter's channel i; inside for_channels, with its i
//   add_NAME(value)            adds to the gradient of a scalar parameter; any invocation, any number of times
//   channels(), for_channels(i), row_sum(v), row_max(v), epsilon(), NAME(i), NAME(): as in the forward shader (user/norm.glsl)
#ifndef ABLATE_USER_NORM_BACKWARD_GLSL
#define ABLATE_USER_NORM_BACKWARD_GLSL
#include "common/math.glsl"
#include "common/reduce.glsl"

// x, dy, dx: (rows, dim)   add: what reached x another way, may be null   parameters: (dim) or (1)   partials: (chunks, dim) or (chunks, 1)
layout(push_constant) uniform Push {
  In x; In dy; In add; Out dx; InF32 parameter0; InF32 parameter1; InF32 parameter2; InF32 parameter3;
  InOutF32 partial0; InOutF32 partial1; InOutF32 partial2; InOutF32 partial3;
  uint rows, dim, chunks; float epsilon;
} p;

uint row_, chunk_;
float scalar_[4];  // this invocation's share of the scalar parameters' gradients
uint channels() { return p.dim; }
#define for_channels(i) for (uint i = lane(); i < p.dim; i += lanes())
float x(uint i) { return load(p.x, row_ * p.dim + i); }
float dy(uint i) { return load(p.dy, row_ * p.dim + i); }
void set_dx(uint i, float value) { store(p.dx, row_ * p.dim + i, value + (is_null(p.add) ? 0.0 : load(p.add, row_ * p.dim + i))); }
float row_sum(float v) { return workgroup_sum(v); }
float row_max(float v) { return workgroup_max(v); }
float epsilon() { return p.epsilon; }
#endif
