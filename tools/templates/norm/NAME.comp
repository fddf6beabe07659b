#include "user/norm.glsl"
// One token's channels x(i) become y(i); here RMSNorm, clipped: y = weight * clamp(x / rms(x), -limit, limit).
void forward() {
  float squares = 0.0;
  for_channels(i) squares += x(i) * x(i);
  const float scale = inversesqrt(row_sum(squares) / float(channels()) + epsilon());
  for_channels(i) set_y(i, weight(i) * clamp(x(i) * scale, -limit, limit));
}
