#include "ops/cross_entropy.h"

#include "ops/copy.h"
#include "ops/matmul.h"

#include <algorithm>

namespace ablate {
namespace {

constexpr double flop_per_logit = 5;  // maximum, difference, exponential, sum, gradient

void require_targets(const char* op, const Tensor& targets, std::uint32_t rows) {
  require(targets.dtype == DType::i32 && targets.size() == rows, "{}: {} rows of logits, targets are {} {}", op, rows,
          name_of(targets.dtype), to_string(targets.shape));
}

Tensor logit_gradient(Graph& graph, const Tensor& logits, const Tensor& targets, const Tensor& statistics, const Tensor& dy) {
  const Tensor dlogits = graph.like(logits);
  graph.dispatch(
      {.shader = "loss/cross_entropy_backward",
       .push = {logits, targets, statistics, dy, dlogits, logits.rows(), logits.dim(-1)},
       .cut = cut_along(logits.rows(), {{0, logits.dim(-1)}, {1, 1}, {2, 2}, {3, 1}, {4, logits.dim(-1)}, {5, 1}}),
       .rows = logits.rows(),
       .constants = for_type(logits),
       .cost = {.flop = flop_per_logit * static_cast<double>(logits.size()), .bytes = 2.0 * static_cast<double>(logits.bytes())}});
  return dlogits;
}

Tensor losses_of(Graph& graph, const Tensor& logits, const Tensor& targets, const Tensor& losses, const Tensor& statistics, float softcap) {
  graph.dispatch({.shader = "loss/cross_entropy",
                  .push = {logits, targets, losses, statistics, logits.rows(), logits.dim(-1), softcap},
                  .cut = cut_along(logits.rows(), {{0, logits.dim(-1)}, {1, 1}, {2, 1}, {3, 2}, {4, 1}}),
                  .rows = logits.rows(),
                  .constants = for_type(logits),
                  .cost = {.flop = flop_per_logit * static_cast<double>(logits.size()), .bytes = static_cast<double>(logits.bytes())}});
  return losses;
}

void losses_in_place(Graph& graph, const Tensor& logits, const Tensor& targets, const Tensor& scale, const Tensor& losses, float softcap) {
  graph.dispatch(
      {.shader = "loss/cross_entropy_in_place",
       .push = {logits, targets, scale, losses, logits.rows(), logits.dim(-1), softcap},
       .cut = cut_along(logits.rows(), {{0, logits.dim(-1)}, {1, 1}, {3, 1}, {4, 1}}),
       .rows = logits.rows(),
       .constants = for_type(logits),
       .cost = {.flop = 2.0 * flop_per_logit * static_cast<double>(logits.size()), .bytes = 2.0 * static_cast<double>(logits.bytes())}});
}

// 256 rows at least, but no more than one allocation and a kernel's indices can hold.
std::uint32_t chunk_rows(std::uint32_t rows, std::uint64_t vocabulary, DType type, std::uint64_t max_bytes, const Caps& caps) {
  constexpr std::uint64_t step = 256;
  const std::uint64_t row_bytes = vocabulary * bytes_of(type), wanted = std::max(max_bytes / row_bytes / step * step, step);
  const std::uint64_t possible = std::min(caps.max_allocation / row_bytes, caps.max_elements / vocabulary);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>({rows, wanted, std::max<std::uint64_t>(possible, 1)}));
}

Tensor with_shape(Tensor x, Shape shape) {
  x.shape = std::move(shape);
  return x;
}

}  // namespace

Tensor cross_entropy(Graph& graph, const Tensor& logits, const Tensor& targets) {
  require(logits.shape.size() == 2, "cross_entropy: logits are {}", to_string(logits.shape));
  require_targets("cross_entropy", targets, logits.rows());
  const Tensor losses = graph.tensor({logits.rows()}, DType::f32);
  const Tensor statistics = graph.wants_gradient(logits) ? graph.tensor({logits.rows(), 2}, DType::f32) : Tensor();
  losses_of(graph, logits, targets, losses, statistics, 0);
  return graph.differentiable(losses, {logits}, [=](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{logit_gradient(g, logits, targets, statistics, dy)};
  });
}

namespace {

// Logits of a chunk of rows, each part of the matrix in its columns.
Tensor logits_of(Graph& graph, const Tensor& h, const Matrix& w, DType type) {
  if (w.whole()) return matmul(graph, h, w.parts.front(), Layout::nt, {type});
  std::vector<Tensor> columns;
  for (const Tensor& part : w.parts) columns.push_back(matmul(graph, h, part, Layout::nt, {type}));
  return join_columns(graph, columns);
}

// From the gradient of a chunk's logits: that of its rows of h, into dh, and its part in that of every part of w, into dw or (`add`) on top of
// what is there. An empty tensor is not wanted.
void logits_backward(Graph& graph, const Tensor& dlogits, const Tensor& h, const Matrix& w, const Tensor& dh, const std::vector<Tensor>& dw,
                     bool add) {
  std::uint32_t column = 0;
  for (std::size_t i = 0; i < w.parts.size(); ++i) {
    const Tensor& part = w.parts[i];
    const Tensor d = w.whole() ? dlogits : copy_columns(graph, dlogits, column, part.dim(0));
    if (dh) matmul(graph, d, part, Layout::nn, {dh.dtype, i > 0 ? dh : Tensor(), dh});
    if (dw[i]) matmul(graph, d, h, Layout::tn, {dw[i].dtype, add ? dw[i] : Tensor(), dw[i]});
    column += part.dim(0);
  }
}

}  // namespace

LinearCrossEntropy linear_cross_entropy(Graph& graph, const Tensor& h, const Matrix& w, const Tensor& targets, const Tensor& scale,
                                        std::uint64_t max_logits_bytes, float softcap) {
  require(w.is_matrix() && h.dim(-1) == w.columns(), "linear_cross_entropy: h is {} {}, its weight {} {}", name_of(h.dtype),
          to_string(h.shape), name_of(w.dtype()), to_string(w));
  require_targets("linear_cross_entropy", targets, h.rows());
  require(scale.dtype == DType::f32 && scale.size() == 1, "linear_cross_entropy: the scale is {} {}", name_of(scale.dtype),
          to_string(scale.shape));
  const std::uint32_t rows = h.rows(), dim = h.dim(-1);
  const bool want_h = graph.wants_gradient(h);
  std::vector<Tensor> dw;
  for (const Tensor& part : w.parts)
    dw.push_back(graph.wants_gradient(part) ? graph.tensor(part.shape, graph.gradient_dtype(part)) : Tensor());
  const bool in_place = want_h || std::any_of(dw.begin(), dw.end(), [](const Tensor& x) { return static_cast<bool>(x); });
  const DType type = in_place ? h.dtype : DType::f32;
  const std::uint32_t step = chunk_rows(rows, w.rows(), type, max_logits_bytes, graph.caps());

  const Tensor flat = with_shape(h, {rows, dim}), flat_targets = with_shape(targets, {rows}), losses = graph.tensor({rows}, DType::f32);
  const Tensor dh = want_h ? graph.like(flat) : Tensor();
  for (std::uint32_t first = 0; first < rows; first += std::min(step, rows - first)) {
    const std::uint32_t count = std::min(step, rows - first);
    const Tensor part = graph.slice(flat, first, count), part_targets = graph.slice(flat_targets, first, count);
    const Tensor part_losses = graph.slice(losses, first, count);
    const Tensor logits = logits_of(graph, part, w, type);
    if (in_place) losses_in_place(graph, logits, part_targets, scale, part_losses, softcap);
    else losses_of(graph, logits, part_targets, part_losses, {}, softcap);
    if (in_place) logits_backward(graph, logits, part, w, want_h ? graph.slice(dh, first, count) : Tensor(), dw, first > 0);
  }
  std::vector<Tensor> inputs = {h};
  inputs.insert(inputs.end(), w.parts.begin(), w.parts.end());
  return {graph.differentiable(losses, inputs, [=, shape = h.shape](Graph&, const Tensor&) {
    std::vector<Tensor> gradients = {want_h ? with_shape(dh, shape) : Tensor()};
    gradients.insert(gradients.end(), dw.begin(), dw.end());
    return gradients;
  })};
}

Tensor mean_loss(Graph& graph, const Tensor& losses, const Tensor& count) {
  require(losses.dtype == DType::f32, "mean_loss: losses are {}", name_of(losses.dtype));
  const Tensor mean = graph.tensor({1}, DType::f32);
  graph.dispatch({.shader = "loss/mean_loss",
                  .push = {losses, count, mean, losses.size()},
                  .rows = 1,
                  .cost = {.flop = static_cast<double>(losses.size()), .bytes = static_cast<double>(losses.bytes())}});
  return mean;
}

}  // namespace ablate
