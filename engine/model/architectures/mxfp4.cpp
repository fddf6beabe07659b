#include "model/architectures/mxfp4.h"

#include "base/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace ablate {
namespace {

constexpr std::int64_t in_block = 32, block_bytes = 16;
constexpr int exponent_bias = 127;
constexpr float values_of_bits[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0f, -0.5, -1, -1.5, -2, -3, -4, -6};

void check(const TensorView& tensor, const std::vector<std::int64_t>& shape) {
  require(tensor.shape == shape, "{}: expected shape ({}), found ({})", tensor.where, fmt::join(shape, ", "),
          fmt::join(tensor.shape, ", "));
  require(tensor.dtype == "U8", "{}: expected U8, found {}", tensor.where, tensor.dtype);
}

}  // namespace

void check_mxfp4(const TensorView& blocks, const TensorView& scales, std::int64_t matrices, std::int64_t rows, std::int64_t columns) {
  require(columns % in_block == 0, "{}: {} columns are no whole blocks of {}", blocks.where, columns, in_block);
  check(blocks, {matrices, rows, columns / in_block, block_bytes});
  check(scales, {matrices, rows, columns / in_block});
}

// The low four bits of a byte come first.
void read_mxfp4_rows(const TensorView& blocks, const TensorView& scales, std::int64_t columns, std::span<float> out, std::int64_t first,
                     const std::function<std::int64_t(std::int64_t row)>& row_of) {
  const auto byte = [](const TensorView& tensor, std::int64_t i) {
    return std::to_integer<int>(tensor.bytes[static_cast<std::size_t>(i)]);
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t at = first + static_cast<std::int64_t>(i), column = at % columns;
    const std::int64_t block = (row_of(at / columns) * columns + column) / in_block;
    const int pair = byte(blocks, block * block_bytes + column % in_block / 2), bits = column % 2 == 0 ? pair & 15 : pair >> 4;
    out[i] = std::ldexp(values_of_bits[bits], byte(scales, block) - exponent_bias);
  }
}

}  // namespace ablate
