// Where a parameter lies in a file whose class stores it in another way.
#pragma once

#include "model/parameters.h"
#include "model/safetensors.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ablate {

/// A parameter's rows are rows of a tensor: row r is its row first_row + r / group * group_stride + r % group.
struct Placement {
  std::string name;               ///< of the tensor
  std::int64_t first_row = 0;     ///< where the parameter begins: several are stacked in one tensor
  std::int64_t all_rows = 0;      ///< of the tensor; 0: no more than the parameter has
  std::int64_t group = 0;         ///< rows that follow each other; 0: all of them
  std::int64_t group_stride = 0;  ///< from one such group to the next, in rows
  bool transposed = false;        ///< the tensor is (in, out): what is called a row here is one of its columns

  /// Whether the tensor is the parameter, as it stands.
  bool is_whole() const { return all_rows == 0 && !transposed; }
  /// The shape the tensor has when it holds `parameter`.
  std::vector<std::int64_t> shape_for(const ParameterSpec& parameter) const;
  std::int64_t row(std::int64_t r) const { return first_row + (group > 0 ? r / group * group_stride + r % group : r); }
};

/// Elements first .. first + out.size() - 1 of `parameter` as f32.
void read_placed(const TensorView& tensor, const ParameterSpec& parameter, const Placement& placement, std::span<float> out,
                 std::int64_t first);

/// The bytes of `parameter`, of elements of so many bytes, to their places in the bytes of the tensor.
void write_placed(std::span<std::byte> tensor, const ParameterSpec& parameter, const Placement& placement,
                  std::span<const std::byte> values, std::size_t element_size);

}  // namespace ablate
