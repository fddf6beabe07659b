#include "ops/causal_conv.h"

#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>

namespace ablate {
namespace {

/// Along the tokens, or against them.
Tensor convolution(Graph& graph, const Tensor& x, const Tensor& w, bool reversed) {
  const std::uint32_t tokens = x.dim(1), dim = x.dim(2), taps = w.dim(2);
  const std::uint64_t sequence = std::uint64_t{tokens} * dim;
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = "recurrence/causal_conv",
                  .push = {x, w, y, x.rows(), tokens, dim, taps},
                  .cut = cut_along(x.dim(0), {{0, sequence}, {2, sequence}, {3, tokens}}),
                  .items = groups_of(x.rows(), dim),
                  .constants = for_rows(x, dim) + Specialization{{"REVERSED", reversed}},
                  .cost = {.flop = 2.0 * taps * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return y;
}

Tensor weight_gradient(Graph& graph, const Tensor& x, const Tensor& w, const Tensor& dy) {
  const std::uint32_t sequences = x.dim(0), tokens = x.dim(1), dim = x.dim(2), taps = w.dim(2), chunks = std::clamp(sequences / 2, 1u, 64u);
  const std::uint64_t each = chunk_of(sequences, chunks), elements = each * tokens * dim;
  const Tensor partial = graph.tensor({chunks, dim * taps}, DType::f32);
  graph.dispatch({.shader = "recurrence/causal_conv_weights",
                  .push = {x, dy, partial, sequences, tokens, dim, taps, chunks},
                  .cut = cut_along(chunks, {{0, elements}, {1, elements}, {2, std::uint64_t{dim} * taps}, {3, each}, {7, 1}}),
                  .items = groups_of(std::uint64_t{chunks} * taps, dim),
                  .constants = for_rows(x, dim, {dy}),
                  .cost = {.flop = 2.0 * taps * static_cast<double>(x.size()), .bytes = 2.0 * taps * static_cast<double>(x.bytes())}});
  return graph.reshape(sum_rows(graph, partial), w.shape);
}

}  // namespace

Tensor causal_conv(Graph& graph, const Tensor& x, const Tensor& w) {
  require(x.shape.size() == 3 && w.shape.size() == 3 && w.dim(0) == x.dim(2) && w.dim(1) == 1 && w.dtype == DType::f32,
          "causal_conv: x is {}, the weights {} {}", to_string(x.shape), name_of(w.dtype), to_string(w.shape));
  return graph.differentiable(convolution(graph, x, w, false), {x, w}, [=](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{g.wants_gradient(x) ? convolution(g, dy, w, true) : Tensor(),
                               g.wants_gradient(w) ? weight_gradient(g, x, w, dy) : Tensor()};
  });
}

}  // namespace ablate
