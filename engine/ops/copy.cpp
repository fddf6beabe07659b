#include "ops/copy.h"

namespace ablate {
namespace {

// y[row, i] = x[row, i + shift], or 0 where x has no such column.
Tensor shift_columns(Graph& graph, const Tensor& x, std::uint32_t width, std::int64_t shift) {
  Shape shape = x.shape;
  shape.back() = width;
  const Tensor y = graph.tensor(shape, x.dtype);
  graph.dispatch({.shader = "elementwise/copy_columns",
                  .push = {x, y, x.rows(), x.dim(-1), width, shift},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, width}, {2, 1}}),
                  .items = y.size(),
                  .constants = for_type(x),
                  .cost = {.flop = 0, .bytes = static_cast<double>(std::min(x.bytes(), y.bytes()) + y.bytes())}});
  return y;
}

}  // namespace

Tensor copy_columns(Graph& graph, const Tensor& x, std::uint32_t first, std::uint32_t count) {
  require(std::uint64_t{first} + count <= x.dim(-1), "copy_columns: columns {} to {} of {}", first, std::uint64_t{first} + count,
          to_string(x.shape));
  const Tensor y = shift_columns(graph, x, count, first);
  return graph.differentiable(y, {x}, [x, first](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{shift_columns(g, dy, x.dim(-1), -std::int64_t{first})};
  });
}

void copy_into_columns(Graph& graph, const Tensor& x, const Tensor& y, std::uint32_t first) {
  require(x.dtype == y.dtype && x.rows() == y.rows() && std::uint64_t{first} + x.dim(-1) <= y.dim(-1),
          "copy_into_columns: {} {} into columns {} and on of {} {}", name_of(x.dtype), to_string(x.shape), first, name_of(y.dtype),
          to_string(y.shape));
  graph.dispatch({.shader = "elementwise/join_columns",
                  .push = {x, y, x.rows(), x.dim(-1), y.dim(-1), first},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, y.dim(-1)}, {2, 1}}),
                  .items = x.size(),
                  .constants = for_type(x),
                  .cost = {.flop = 0, .bytes = 2.0 * static_cast<double>(x.bytes())}});
}

Tensor join_columns(Graph& graph, const std::vector<Tensor>& parts) {
  std::uint64_t width = 0;
  for (const Tensor& part : parts) width += part.dim(-1);
  Shape shape = parts.front().shape;
  shape.back() = dimension(width, "join_columns");
  const Tensor y = graph.tensor(shape, parts.front().dtype);
  std::uint32_t first = 0;
  for (const Tensor& part : parts) {
    copy_into_columns(graph, part, y, first);
    first += part.dim(-1);
  }
  return graph.differentiable(y, parts, [parts](Graph& g, const Tensor& dy) {
    std::vector<Tensor> gradients;
    std::uint32_t at = 0;
    for (const Tensor& part : parts) {
      gradients.push_back(g.wants_gradient(part) ? shift_columns(g, dy, part.dim(-1), at) : Tensor());
      at += part.dim(-1);
    }
    return gradients;
  });
}

}  // namespace ablate
