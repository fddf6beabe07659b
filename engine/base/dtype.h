// Element types of tensors, on disk and on the device, and the roundings between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ablate {

enum class DType : std::uint32_t { f32 = 0, f16 = 1, bf16 = 2, i32 = 3, u16 = 4 };

constexpr std::size_t bytes_of(DType type) { return type == DType::f32 || type == DType::i32 ? 4 : 2; }
std::string_view name_of(DType type);
/// Of activations under a precision: "f32", "f16", "mixed-bf16", ...
constexpr DType activation_type(std::string_view precision) {
  return precision.ends_with("bf16") ? DType::bf16 : precision.ends_with("f16") ? DType::f16 : DType::f32;
}

/// IEEE binary16 and bfloat16, round to nearest even; NaN stays NaN, overflow becomes infinity.
std::uint16_t to_f16(float value);
float from_f16(std::uint16_t bits);
std::uint16_t to_bf16(float value);
float from_bf16(std::uint16_t bits);

/// `value` as it comes back after being stored as `type`.
float round_to(DType type, float value);

/// Half the distance from 1 to the next number: the largest relative error of one rounding.
constexpr double unit_roundoff(DType type) { return type == DType::f16 ? 0x1p-11 : type == DType::bf16 ? 0x1p-8 : 0x1p-24; }

}  // namespace ablate
