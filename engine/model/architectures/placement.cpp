#include "model/architectures/placement.h"

#include "base/storage_format.h"
#include "model/architectures/mxfp4.h"

#include <algorithm>
#include <cstring>

namespace ablate {
namespace {

std::int64_t rows_of(const ParameterSpec& parameter) { return parameter.shape.front(); }
std::int64_t columns_of(const ParameterSpec& parameter) { return parameter.elements() / rows_of(parameter); }
std::int64_t all_rows_of(const ParameterSpec& parameter, const Placement& p) { return p.all_rows > 0 ? p.all_rows : rows_of(parameter); }

/// One of the matrices below each other.
ParameterSpec matrix_of(ParameterSpec parameter, const Placement& p) {
  parameter.shape.front() /= p.matrices;
  return parameter;
}

/// The place in the tensor of the matrix's element (row, column).
std::int64_t place(const ParameterSpec& matrix, const Placement& p, std::int64_t row, std::int64_t column) {
  return p.transposed ? column * all_rows_of(matrix, p) + p.row(row) : p.row(row) * columns_of(matrix) + column;
}

bool is_plain(const Placement& p) { return p.all_rows == 0 && !p.transposed && p.alternating == 0; }

/// Elements of one matrix; `base`: where it begins in the tensor.
void read_matrix(const TensorView& tensor, std::int64_t base, const ParameterSpec& matrix, const Placement& placement, std::span<float> out,
                 std::int64_t first) {
  if (is_plain(placement)) return tensor.read(out, base + first);
  const std::int64_t columns = columns_of(matrix), end = first + static_cast<std::int64_t>(out.size());
  const std::int64_t first_row = first / columns, rows = (end - 1) / columns - first_row + 1;
  const auto put = [&](std::int64_t row, std::int64_t column, float value) {
    const std::int64_t at = row * columns + column;
    if (at >= first && at < end) out[static_cast<std::size_t>(at - first)] = value;
  };
  std::vector<float> run(static_cast<std::size_t>(placement.transposed ? 1 : columns));
  if (!placement.transposed) {
    for (std::int64_t row = first_row; row < first_row + rows; ++row) {
      tensor.read(run, base + place(matrix, placement, row, 0));
      for (std::int64_t column = 0; column < columns; ++column) put(row, column, run[static_cast<std::size_t>(column)]);
    }
    return;
  }
  const std::int64_t low = placement.row(first_row), high = placement.row(first_row + rows - 1);  // rows rise
  run.resize(static_cast<std::size_t>(high - low + 1));
  for (std::int64_t column = 0; column < columns; ++column) {
    tensor.read(run, base + place(matrix, placement, first_row, column));
    for (std::int64_t row = first_row; row < first_row + rows; ++row)
      put(row, column, run[static_cast<std::size_t>(placement.row(row) - low)]);
  }
}

}  // namespace

std::vector<std::string> Placement::names() const {
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < (separate ? matrices : 1); ++i) {
    all.push_back(name);
    if (separate) all.back().replace(name.find('*'), 1, std::to_string(i));
  }
  if (!scales.empty()) all.push_back(scales);
  return all;
}

std::vector<std::int64_t> Placement::shape_for(const ParameterSpec& parameter) const {
  std::vector<std::int64_t> shape = matrix_of(parameter, *this).shape;
  shape.front() = all_rows_of(matrix_of(parameter, *this), *this);
  if (transposed) std::reverse(shape.begin(), shape.end());
  if (matrices > 1 && !separate) shape.insert(shape.begin(), matrices);
  return shape;
}

void read_placed(std::span<const TensorView* const> tensors, const ParameterSpec& parameter, const Placement& placement,
                 std::span<float> out, std::int64_t first) {
  const ParameterSpec matrix = matrix_of(parameter, placement);
  const std::int64_t size = matrix.elements(), in_tensor = all_rows_of(matrix, placement) * columns_of(matrix);
  for (std::size_t done = 0; done < out.size();) {
    const std::int64_t at = first + static_cast<std::int64_t>(done), index = at / size;
    const std::size_t count = std::min(out.size() - done, static_cast<std::size_t>((index + 1) * size - at));
    const std::span<float> part = out.subspan(done, count);
    const std::int64_t base = placement.separate ? 0 : index * in_tensor;
    if (placement.scales.empty())
      read_matrix(*tensors[placement.separate ? static_cast<std::size_t>(index) : 0], base, matrix, placement, part, at - index * size);
    else
      read_mxfp4_rows(*tensors[0], *tensors[1], columns_of(matrix), part, at - index * size,
                      [&](std::int64_t row) { return index * all_rows_of(matrix, placement) + placement.row(row); });
    done += count;
  }
}

void read_placed_rows(std::span<const TensorView* const> tensors, const ParameterSpec& parameter, const Placement& placement,
                      std::span<std::byte> out, std::int64_t first_row) {
  const ParameterSpec matrix = matrix_of(parameter, placement);
  const StorageFormat& format = *find_format(tensors.front()->dtype);
  const std::size_t blocks = static_cast<std::size_t>(columns_of(matrix)) / format.values, row_bytes = blocks * format.bytes;
  for (std::size_t done = 0; done < out.size(); done += row_bytes, ++first_row) {
    const std::int64_t index = first_row / rows_of(matrix), row = placement.row(first_row % rows_of(matrix));
    const TensorView& tensor = *tensors[placement.separate ? static_cast<std::size_t>(index) : 0];
    const auto at = static_cast<std::size_t>(placement.separate ? row : index * all_rows_of(matrix, placement) + row);
    tensor.require_sound(at * blocks, blocks);
    std::memcpy(&out[done], tensor.bytes.data() + at * row_bytes, row_bytes);
  }
}

void write_placed(std::span<std::byte> tensor, const ParameterSpec& parameter, const Placement& placement,
                  std::span<const std::byte> values, std::size_t element_size) {
  const ParameterSpec matrix = matrix_of(parameter, placement);
  const std::int64_t rows = rows_of(matrix), columns = columns_of(matrix), in_tensor = all_rows_of(matrix, placement) * columns;
  const std::size_t run = placement.transposed ? 1 : static_cast<std::size_t>(columns);  // elements that stay together
  for (std::int64_t index = 0; index < placement.matrices; ++index)
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t column = 0; column < columns; column += static_cast<std::int64_t>(run)) {
        const auto to = static_cast<std::size_t>(index * in_tensor + place(matrix, placement, row, column)),
                   from = static_cast<std::size_t>((index * rows + row) * columns + column);
        std::memcpy(&tensor[to * element_size], &values[from * element_size], run * element_size);
      }
}

}  // namespace ablate
