#include "graph/tensor.h"

#include "base/error.h"
#include "base/storage_format.h"

#include <limits>

namespace ablate {

std::uint64_t size_of(const Shape& shape) {
  std::uint64_t size = 1;
  for (const std::uint32_t dim : shape) {
    require(dim == 0 || size <= std::numeric_limits<std::uint64_t>::max() / dim, "a tensor of {} has too many elements to count",
            to_string(shape));
    size *= dim;
  }
  return size;
}

std::uint32_t dimension(std::uint64_t size, std::string_view what) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  require(size <= most, "{}: {} are too many for one dimension, which holds at most {}", what, size, most);
  return static_cast<std::uint32_t>(size);
}

std::uint32_t Tensor::rows() const {
  const std::uint64_t rows = shape.empty() ? 1 : size() / (dim(-1) ? dim(-1) : 1);
  return dimension(rows, "rows of a tensor of " + to_string(shape));
}

std::uint64_t Tensor::bytes() const { return bytes_of(dtype, size()); }

Tensor Tensor::elements(std::uint64_t first, std::uint64_t count) const {
  Tensor part = *this;
  part.offset += bytes_of(dtype, first);
  part.shape = {dimension(count, "elements of a tensor of " + to_string(shape))};
  return part;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace ablate
