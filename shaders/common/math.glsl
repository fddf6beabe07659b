// Functions GLSL lacks, or leaves too loose.
#ifndef ABLATE_MATH_GLSL
#define ABLATE_MATH_GLSL

float sigmoid(float x) { return 1.0 / (1.0 + exp(-x)); }
vec4 sigmoid(vec4 x) { return 1.0 / (1.0 + exp(-x)); }

// erf(a) for |a| <= 475/512, and log(erfc(a)) for a above: minimax polynomials by N. Juffa; either way erf comes out within 1.3e-7.
float erf_small(float a) {
  const float s = a * a;
  float r = fma(-5.96761703e-4, s, 4.99119423e-3);
  r = fma(r, s, -2.67681349e-2);
  r = fma(r, s, 1.12819925e-1);
  r = fma(r, s, -3.76125336e-1);
  r = fma(r, s, 1.28379166e-1);
  return fma(r, a, a);
}
float log_erfc(float a) {
  float r = fma(fma(-1.72853470e-5, a, 3.83197126e-4), a * a, fma(-3.88396438e-3, a, 2.42546219e-2));
  r = fma(r, a, -1.06777877e-1);
  r = fma(r, a, -6.34846687e-1);
  r = fma(r, a, -1.28717512e-1);
  return fma(r, a, -a);
}

// The normal distribution: P(X < x), within 7e-8 and without cancellation where it is small, and its density.
float normal_below(float x) {
  const float a = x * 0.70710678118;
  if (abs(a) <= 0.927734375) return fma(0.5, erf_small(a), 0.5);
  const float tail = 0.5 * exp(log_erfc(abs(a)));
  return x < 0.0 ? tail : 1.0 - tail;
}
float normal_density(float x) { return 0.3989422804 * exp(-0.5 * x * x); }

// tanh within 2e-7 relative, without the overflow or the cancellation that a driver's own may have.
float tanh_of(float x) {
  const float a = abs(x), s = x * x;
  if (a < 0.55) {
    float r = fma(1.57394409e-2, s, -5.23025580e-2);
    r = fma(r, s, 1.33152470e-1);
    r = fma(r, s, -3.33327681e-1);
    return fma(r, s * x, x);
  }
  const float t = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
  return x < 0.0 ? -t : t;
}
vec4 tanh_of(vec4 x) { return vec4(tanh_of(x.x), tanh_of(x.y), tanh_of(x.z), tanh_of(x.w)); }
#endif
