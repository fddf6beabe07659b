// Where a parameter lies in a file whose class stores it in another way.
#pragma once

#include "model/parameters.h"
#include "model/safetensors.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ablate {

/// A parameter's rows are rows of a tensor: row r is its row first_row + r / group * group_stride + r % group; or they alternate in each head.
struct Placement {
  std::string name;               ///< of the tensor
  std::int64_t first_row = 0;     ///< where the parameter begins: several are stacked in one tensor
  std::int64_t all_rows = 0;      ///< of the tensor; 0: no more than the parameter has
  std::int64_t group = 0;         ///< rows that follow each other; 0: all of them
  std::int64_t group_stride = 0;  ///< from one such group to the next, in rows
  bool transposed = false;        ///< the tensor is (in, out): what is called a row here is one of its columns
  std::int64_t alternating = 0;   ///< rows of a head, where the tensor takes them from the head's two halves in turn; 0: it doesn't
  std::int64_t matrices = 1;      ///< the parameter is so many matrices below each other (experts), and all of the above is said of each
  bool separate =
      false;  ///< each of them lies in a tensor of its own, with its number in place of the name's star; else one tensor has them all
  std::string scales{};  ///< of a tensor of MXFP4 blocks: where their scales are (see mxfp4.h)

  /// Whether the tensor is the parameter, as it stands.
  bool is_whole() const { return all_rows == 0 && !transposed && alternating == 0 && matrices == 1; }
  /// The tensors that hold the parameter, and, after them, that of scales.
  std::vector<std::string> names() const;
  /// The shape each tensor has when it holds `parameter`, or its part of it.
  std::vector<std::int64_t> shape_for(const ParameterSpec& parameter) const;
  std::int64_t row(std::int64_t r) const {
    if (alternating > 0) {
      const std::int64_t half = alternating / 2, in_head = r % alternating;
      return first_row + r - in_head + in_head % half * 2 + in_head / half;
    }
    return first_row + (group > 0 ? r / group * group_stride + r % group : r);
  }
};

/// Elements first .. first + out.size() - 1 of `parameter` as f32. `tensors`: those of placement.names().
void read_placed(std::span<const TensorView* const> tensors, const ParameterSpec& parameter, const Placement& placement,
                 std::span<float> out, std::int64_t first);

/// The bytes of rows of `parameter` from `first_row` on, of tensors in a storage format that are not transposed. Throws InputError for a block whose scale is no
/// finite number.
void read_placed_rows(std::span<const TensorView* const> tensors, const ParameterSpec& parameter, const Placement& placement,
                      std::span<std::byte> out, std::int64_t first_row);

/// The bytes of `parameter`, of elements of so many bytes, to their places in the bytes of the tensor that holds them all.
void write_placed(std::span<std::byte> tensor, const ParameterSpec& parameter, const Placement& placement,
                  std::span<const std::byte> values, std::size_t element_size);

}  // namespace ablate
