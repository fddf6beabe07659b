#include "ops/rope.h"

#include <cmath>

namespace ablate {
namespace {

Tensor rotate(Graph& graph, const Tensor& x, std::uint32_t head_dim, const Tensor& table, float direction) {
  const Tensor y = graph.like(x);
  const std::uint64_t sequence = std::uint64_t{x.dim(1)} * x.dim(2);
  const std::uint32_t rotated = table.dim(1), vector = rotated % 8 == 0 && head_dim % 4 == 0 ? 4 : 1;
  const std::uint64_t pairs = x.size() / head_dim * (rotated / 2), rest = x.size() / head_dim * (head_dim - rotated);
  graph.dispatch(
      {.shader = "rope/rope",
       .push = {x, table, y, x.rows(), x.dim(1), x.dim(2), head_dim, rotated, direction},
       .cut = cut_along(x.dim(0), {{0, sequence}, {2, sequence}, {3, x.dim(1)}}),
       .items = (pairs + rest + vector - 1) / vector,
       .constants = {{"DTYPE", static_cast<std::uint32_t>(x.dtype)}, {"VECTOR", vector}},
       .cost = {.flop = 3.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes()) + 4.0 * x.dim(1) * head_dim}});
  return y;
}

}  // namespace

std::vector<float> rope_table(std::uint32_t positions, std::span<const double> frequencies, double magnitude) {
  std::vector<float> table;
  table.reserve(std::size_t{positions} * 2 * frequencies.size());
  for (std::uint32_t t = 0; t < positions; ++t) {
    for (const double frequency : frequencies) table.push_back(static_cast<float>(magnitude * std::cos(t * frequency)));
    for (const double frequency : frequencies) table.push_back(static_cast<float>(magnitude * std::sin(t * frequency)));
  }
  return table;
}

Tensor rope(Graph& graph, const Tensor& x, std::uint32_t head_dim, const Tensor& table) {
  require(x.shape.size() == 3 && head_dim > 0 && x.dim(2) % head_dim == 0,
          "rope: expected (B, T, heads * head_dim), found {} with head_dim {}", to_string(x.shape), head_dim);
  require(
      table.dtype == DType::f32 && table.shape.size() == 2 && table.dim(0) >= x.dim(1) && table.dim(1) % 2 == 0 && table.dim(1) <= head_dim,
      "rope: the table must be f32, of at least {} rows and an even number of columns, {} at most, found {} {}", x.dim(1), head_dim,
      name_of(table.dtype), to_string(table.shape));
  return graph.differentiable(rotate(graph, x, head_dim, table, 1.0f), {x},
                              [=](Graph& g, const Tensor& dy) { return std::vector<Tensor>{rotate(g, dy, head_dim, table, -1.0f)}; });
}

}  // namespace ablate
