// A tensor of a graph: a shape and a place in a storage, no data.
#pragma once

#include "base/dtype.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

using Shape = std::vector<std::uint32_t>;  ///< row-major, outermost first

/// Number of elements. Throws InputError when that does not fit 64 bits.
std::uint64_t size_of(const Shape& shape);
std::string to_string(const Shape& shape);  ///< "(4, 16, 256)"

/// A cheap handle; contiguous, row-major. An empty one (`!tensor`) stands for "none" and becomes a null pointer in a kernel.
struct Tensor {
  std::uint32_t storage = 0;  ///< index in the graph's storages; 0: none
  std::uint32_t value = 0;    ///< identity for differentiation: views of one storage are different values
  std::uint64_t offset = 0;   ///< bytes into the storage
  DType dtype = DType::f32;   ///< may be a storage format of blocks (base/storage_format.h), of which rows are made whole
  Shape shape;

  explicit operator bool() const { return storage != 0; }
  std::uint64_t size() const { return size_of(shape); }
  std::uint64_t bytes() const;
  /// Dimension `i`; negative counts from the end.
  std::uint32_t dim(int i) const {
    return shape.at(i < 0 ? shape.size() + static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i)) : static_cast<std::size_t>(i));
  }
  /// Product of all dimensions but the last. Throws InputError when it is no dimension (see below).
  std::uint32_t rows() const;
  /// Elements [first, first + count) in the order of memory, as a tensor of one dimension.
  Tensor elements(std::uint64_t first, std::uint64_t count) const;
};

/// `size` as a dimension of a shape. Throws InputError naming `what` when it does not fit 32 bits.
std::uint32_t dimension(std::uint64_t size, std::string_view what);

}  // namespace ablate
