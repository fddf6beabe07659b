// An element's way through its code and back.
#ifndef ABLATE_QUANTIZE_THROUGH_CODE_GLSL
#define ABLATE_QUANTIZE_THROUGH_CODE_GLSL

// What x comes back as, and its code if it is wanted, which is 0 where it has none. Included behind plain_value(), code_of() and value_of().
float through_code(float x, Step scale, float offset, bool wants_code, out int code) {
  float y;
  code = 0;
  if (!wants_code && plain_value(x, scale, offset, y)) return y;
  if (is_nan(x)) return x;
  if (is_nan(scale.size)) return scale.size;
  if (is_zero(scale.size)) return offset;
  code = code_of(x, scale, offset);
  return value_of(code, scale.size, offset);
}
#endif
