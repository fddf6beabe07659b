#include "graph/tensor.h"

namespace ablate {

std::uint64_t size_of(const Shape& shape) {
  std::uint64_t size = 1;
  for (const std::uint32_t dim : shape) size *= dim;
  return size;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace ablate
