#include "base/dtype.h"

#include "base/storage_format.h"

#include <Eigen/Core>

namespace ablate {

std::string_view name_of(DType type) {
  if (is_blocks(type)) return format_of(type).name;
  switch (type) {
    case DType::f32: return "f32";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::i32: return "i32";
    case DType::u16: return "u16";
  }
  return "?";
}

std::uint16_t to_f16(float value) { return Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(value)); }
float from_f16(std::uint16_t bits) { return static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(bits)); }
std::uint16_t to_bf16(float value) { return Eigen::numext::bit_cast<std::uint16_t>(Eigen::bfloat16(value)); }
float from_bf16(std::uint16_t bits) { return static_cast<float>(Eigen::numext::bit_cast<Eigen::bfloat16>(bits)); }

float round_to(DType type, float value) {
  if (type == DType::f16) return from_f16(to_f16(value));
  if (type == DType::bf16) return from_bf16(to_bf16(value));
  return value;
}

}  // namespace ablate
