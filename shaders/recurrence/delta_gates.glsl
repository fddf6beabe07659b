// The functions of a gated delta rule's gates. For inclusion after common/kernel.glsl.
#ifndef ABLATE_DELTA_GATES_GLSL
#define ABLATE_DELTA_GATES_GLSL
#include "common/math.glsl"

// log(1 + exp(x)): of s = exp(-|x|) the series 2 (z + z^3 / 3 + z^5 / 5 + ..), z = s / (2 + s), which keeps what a small s is beside 1.
float softplus(float x) {
  const float s = exp(-abs(x)), z = s / (2.0 + s), w = z * z;
  float sum = fma(w, 1.0 / 13.0, 1.0 / 11.0);
  sum = fma(w, sum, 1.0 / 9.0);
  sum = fma(w, sum, 1.0 / 7.0);
  sum = fma(w, sum, 0.2);
  sum = fma(w, sum, 1.0 / 3.0);
  return max(x, 0.0) + 2.0 * fma(w * z, sum, z);
}

// exp(-x), x >= 0, within two units: a driver's own may be off by more, and a state that decays by next to nothing goes through many of them.
float decay_of(float x) {
  const float n = round(x * 1.44269504), r = fma(n, 1.42860677e-6, fma(n, 0.693145752, -x));  // -x = r - n log(2), |r| <= log(2) / 2
  float e = fma(r, 1.38888889e-3, 8.33333333e-3);
  e = fma(r, e, 4.16666667e-2);
  e = fma(r, e, 1.66666667e-1);
  e = fma(r, e, 0.5);
  return n > 126.0 ? 0.0 : fma(r * r, e, r + 1.0) * uintBitsToFloat((127 - uint(n)) << 23);
}
#endif
