// What formats of small floats share.
#pragma once

#include "ops/quantization/format.h"

namespace ablate {

/// A float of so many bits without infinities: bias and the largest code as in shaders/quantize/minifloat.glsl, and what that code stands for.
struct Minifloat {
  std::uint32_t bits, mantissa;
  std::int32_t bias;
  std::uint32_t largest_code;
  float largest;
};
inline constexpr Minifloat e4m3{8, 3, 7, 0x7e, 448};  ///< Micikevicius et al. 2022, arXiv 2209.05433
inline constexpr Minifloat e2m1{4, 1, 1, 7, 6};       ///< 0, 0.5, 1, 1.5, 2, 3, 4, 6

/// Codes of `elements`; scales are to say.
inline NumberFormat format_of(const Minifloat& elements) {
  NumberFormat format;
  format.codes = "quantize/minifloat";
  format.code_constants = {{"BITS", elements.bits},
                           {"MANTISSA", elements.mantissa},
                           {"BIAS", static_cast<std::uint32_t>(elements.bias)},
                           {"LARGEST", elements.largest_code}};
  format.largest = elements.largest;
  format.symmetric_only = true;  // a sign of their own
  return format;
}

}  // namespace ablate
