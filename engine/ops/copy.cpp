#include "ops/copy.h"

namespace ablate {
namespace {

// y[row, i] = x[row, i + shift], or 0 where x has no such column.
Tensor shift_columns(Graph& graph, const Tensor& x, std::uint32_t width, std::int32_t shift) {
  Shape shape = x.shape;
  shape.back() = width;
  const Tensor y = graph.tensor(shape, x.dtype);
  graph.dispatch({.shader = "elementwise/copy_columns",
                  .push = {x, y, x.rows(), x.dim(-1), width, shift},
                  .items = y.size(),
                  .constants = for_type(x),
                  .cost = {.flop = 0, .bytes = static_cast<double>(std::min(x.bytes(), y.bytes()) + y.bytes())}});
  return y;
}

}  // namespace

Tensor copy_columns(Graph& graph, const Tensor& x, std::uint32_t first, std::uint32_t count) {
  require(std::uint64_t{first} + count <= x.dim(-1), "copy_columns: columns {} to {} of {}", first, first + count, to_string(x.shape));
  const Tensor y = shift_columns(graph, x, count, static_cast<std::int32_t>(first));
  return graph.differentiable(y, {x}, [x, first](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{shift_columns(g, dy, x.dim(-1), -static_cast<std::int32_t>(first))};
  });
}

}  // namespace ablate
