// How far a gate's logit opens it, and the derivative of that. In place of these stand what the experiment file brings.
#include "common/math.glsl"
float forward(float z) { return sigmoid(z); }
float backward(float z) {
  const float open = sigmoid(z);
  return open * (1.0 - open);
}
