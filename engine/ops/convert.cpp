#include "ops/convert.h"

#include "ops/rows.h"

namespace ablate {

namespace {

Tensor decode(Graph& graph, const Tensor& x, DType to) {
  const std::uint64_t in_block = block_of(x.dtype).values, blocks = x.size() / in_block;
  require(x.dim(-1) % in_block == 0, "convert: rows of {} are no whole blocks of {}", x.dim(-1), name_of(x.dtype));
  const Tensor y = graph.tensor(x.shape, to);
  graph.dispatch({.shader = stored_kernel("elementwise/decode", x.dtype),
                  .push = {x, y, x.size() / 4},
                  .cut = cut_along(blocks, {{0, in_block}, {1, in_block}, {2, in_block / 4}}),
                  .items = x.size() / 4,
                  .constants = {{"TO", static_cast<std::uint32_t>(to)}},
                  .cost = {.flop = 2.0 * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() + y.bytes())}});
  return y;
}

}  // namespace

Tensor convert(Graph& graph, const Tensor& x, DType to) {
  if (x.dtype == to) return x;
  require(!is_blocks(to), "convert: to {} is only encoded when weights are loaded", name_of(to));
  if (is_blocks(x.dtype)) return decode(graph, x, to);
  const std::uint64_t count = x.size();
  const Tensor y = graph.tensor(x.shape, to);
  graph.dispatch({.shader = "elementwise/convert",
                  .push = {x, y, count},
                  .cut = cut_elements(count, {0, 1, 2}),
                  .items = groups_in(count),
                  .constants = for_elements(x) + Specialization{{"TO", static_cast<std::uint32_t>(to)}},
                  .cost = {.flop = 0, .bytes = static_cast<double>(x.bytes() + y.bytes())}});
  return graph.differentiable(y, {x}, [x](Graph& g, const Tensor& dy) { return std::vector<Tensor>{convert(g, dy, g.gradient_dtype(x))}; });
}

Matrix in_numbers(Graph& graph, const Matrix& w) {
  std::vector<Tensor> parts;
  for (const Tensor& part : w.parts) parts.push_back(is_blocks(part.dtype) ? convert(graph, part, DType::f32) : part);
  return Matrix(parts);
}

}  // namespace ablate
