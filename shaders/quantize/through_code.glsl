// An element's way through its code and back.
#ifndef ABLATE_QUANTIZE_THROUGH_CODE_GLSL
#define ABLATE_QUANTIZE_THROUGH_CODE_GLSL

// What x comes back as, and its code, which is 0 where it has none. Included behind plain_value(), code_of() and value_of(). It is long and seldom needed: kernels have one
// place for it, that of what plain_value() could not tell, so that the rest fits a device's cache of instructions.
float through_code(float x, Step scale, float offset, out int code) {
  code = 0;
  if (is_nan(x)) return x;
  if (is_nan(scale.size)) return scale.size;
  if (is_zero(scale.size)) return offset;
  code = code_of(x, scale, offset);
  return value_of(code, scale.size, offset);
}
#endif
