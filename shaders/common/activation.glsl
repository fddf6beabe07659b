// The activations that engine/ops/activation.h names, and their derivatives.
#ifndef ABLATE_ACTIVATION_GLSL
#define ABLATE_ACTIVATION_GLSL
#include "common/kernel.glsl"
#include "common/math.glsl"
#include "user/functions/activation.glsl"

layout(constant_id = 3) const uint ACTIVATION = 0;
#define ACTIVATION_SILU 0u
#define ACTIVATION_GELU 1u
#define ACTIVATION_RELU 2u
#define ACTIVATION_USER 3u
#define ACTIVATION_GELU_TANH 4u

const float GELU_SLOPE = 0.7978845608028654, GELU_CUBE = 0.044715;  // sqrt(2 / pi)

float activate(float x) {
  if (ACTIVATION == ACTIVATION_GELU) return x * normal_below(x);
  if (ACTIVATION == ACTIVATION_RELU) return x > 0.0 || is_nan(x) ? x : 0.0;
  if (ACTIVATION == ACTIVATION_USER) return forward(x);
  if (ACTIVATION == ACTIVATION_GELU_TANH) return 0.5 * x * (1.0 + tanh_of(GELU_SLOPE * x * (1.0 + GELU_CUBE * x * x)));
  return x * sigmoid(x);
}

float activation_slope(float x) {
  if (ACTIVATION == ACTIVATION_GELU) return normal_below(x) + x * normal_density(x);
  if (ACTIVATION == ACTIVATION_RELU) return x > 0.0 ? 1.0 : 0.0;
  if (ACTIVATION == ACTIVATION_USER) return backward(x);
  if (ACTIVATION == ACTIVATION_GELU_TANH) {
    const float t = tanh_of(GELU_SLOPE * x * (1.0 + GELU_CUBE * x * x));
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU_SLOPE * (1.0 + 3.0 * GELU_CUBE * x * x);
  }
  const float s = sigmoid(x);
  return s + x * s * (1.0 - s);
}

vec4 activate(vec4 x) { return vec4(activate(x.x), activate(x.y), activate(x.z), activate(x.w)); }
vec4 activation_slope(vec4 x) { return vec4(activation_slope(x.x), activation_slope(x.y), activation_slope(x.z), activation_slope(x.w)); }
#endif
