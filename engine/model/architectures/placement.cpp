#include "model/architectures/placement.h"

#include <algorithm>
#include <cstring>

namespace ablate {
namespace {

std::int64_t rows_of(const ParameterSpec& parameter) { return parameter.shape.front(); }
std::int64_t columns_of(const ParameterSpec& parameter) { return parameter.elements() / rows_of(parameter); }
std::int64_t all_rows_of(const ParameterSpec& parameter, const Placement& p) { return p.all_rows > 0 ? p.all_rows : rows_of(parameter); }

/// The place in the tensor of the parameter's element (row, column).
std::int64_t place(const ParameterSpec& parameter, const Placement& p, std::int64_t row, std::int64_t column) {
  return p.transposed ? column * all_rows_of(parameter, p) + p.row(row) : p.row(row) * columns_of(parameter) + column;
}

}  // namespace

std::vector<std::int64_t> Placement::shape_for(const ParameterSpec& parameter) const {
  std::vector<std::int64_t> shape = parameter.shape;
  shape.front() = all_rows_of(parameter, *this);
  if (transposed) std::reverse(shape.begin(), shape.end());
  return shape;
}

void read_placed(const TensorView& tensor, const ParameterSpec& parameter, const Placement& placement, std::span<float> out,
                 std::int64_t first) {
  if (placement.is_whole()) return tensor.read(out, first);
  const std::int64_t columns = columns_of(parameter), end = first + static_cast<std::int64_t>(out.size());
  const std::int64_t first_row = first / columns, rows = (end - 1) / columns - first_row + 1;
  const auto put = [&](std::int64_t row, std::int64_t column, float value) {
    const std::int64_t at = row * columns + column;
    if (at >= first && at < end) out[static_cast<std::size_t>(at - first)] = value;
  };
  std::vector<float> run(static_cast<std::size_t>(placement.transposed ? 1 : columns));
  if (!placement.transposed) {
    for (std::int64_t row = first_row; row < first_row + rows; ++row) {
      tensor.read(run, place(parameter, placement, row, 0));
      for (std::int64_t column = 0; column < columns; ++column) put(row, column, run[static_cast<std::size_t>(column)]);
    }
    return;
  }
  const std::int64_t low = placement.row(first_row), high = placement.row(first_row + rows - 1);  // rows rise
  run.resize(static_cast<std::size_t>(high - low + 1));
  for (std::int64_t column = 0; column < columns; ++column) {
    tensor.read(run, place(parameter, placement, first_row, column));
    for (std::int64_t row = first_row; row < first_row + rows; ++row)
      put(row, column, run[static_cast<std::size_t>(placement.row(row) - low)]);
  }
}

void write_placed(std::span<std::byte> tensor, const ParameterSpec& parameter, const Placement& placement,
                  std::span<const std::byte> values, std::size_t element_size) {
  const std::int64_t rows = rows_of(parameter), columns = columns_of(parameter);
  const std::size_t run = placement.transposed ? 1 : static_cast<std::size_t>(columns);  // elements that stay together
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; column += static_cast<std::int64_t>(run)) {
      const auto to = static_cast<std::size_t>(place(parameter, placement, row, column)),
                 from = static_cast<std::size_t>(row * columns + column);
      std::memcpy(&tensor[to * element_size], &values[from * element_size], run * element_size);
    }
}

}  // namespace ablate
