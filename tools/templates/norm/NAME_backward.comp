#include "user/norm_backward.glsl"
// dx(i) from dy(i), and what each token adds to the gradients of the parameters.
void backward() {
  float squares = 0.0, along = 0.0;
  for_channels(i) squares += x(i) * x(i);
  const float scale = inversesqrt(row_sum(squares) / float(channels()) + epsilon());
  for_channels(i) if (abs(x(i) * scale) < limit) along += dy(i) * weight(i) * x(i);
  along = row_sum(along) * scale * scale / float(channels());
  for_channels(i) {
    const float n = x(i) * scale, inner = abs(n) < limit ? dy(i) * weight(i) : 0.0;
    set_dx(i, scale * (inner - x(i) * along));
    add_weight(i, dy(i) * clamp(n, -limit, limit));
  }
}
