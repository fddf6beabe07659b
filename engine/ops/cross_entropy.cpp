#include "ops/cross_entropy.h"

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
       .rows = logits.rows(),
       .constants = for_type(logits),
       .cost = {.flop = flop_per_logit * static_cast<double>(logits.size()), .bytes = 2.0 * static_cast<double>(logits.bytes())}});
  return dlogits;
}

Tensor losses_of(Graph& graph, const Tensor& logits, const Tensor& targets, const Tensor& losses, const Tensor& statistics) {
  graph.dispatch({.shader = "loss/cross_entropy",
                  .push = {logits, targets, losses, statistics, logits.rows(), logits.dim(-1)},
                  .rows = logits.rows(),
                  .constants = for_type(logits),
                  .cost = {.flop = flop_per_logit * static_cast<double>(logits.size()), .bytes = static_cast<double>(logits.bytes())}});
  return losses;
}

void losses_in_place(Graph& graph, const Tensor& logits, const Tensor& targets, const Tensor& scale, const Tensor& losses) {
  graph.dispatch(
      {.shader = "loss/cross_entropy_in_place",
       .push = {logits, targets, scale, losses, logits.rows(), logits.dim(-1)},
       .rows = logits.rows(),
       .constants = for_type(logits),
       .cost = {.flop = 2.0 * flop_per_logit * static_cast<double>(logits.size()), .bytes = 2.0 * static_cast<double>(logits.bytes())}});
}

std::uint32_t chunk_rows(std::uint32_t rows, std::uint64_t row_bytes, std::uint64_t max_bytes) {
  constexpr std::uint64_t step = 256;
  const std::uint64_t fitting = std::max(max_bytes / row_bytes / step * step, step);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(rows, fitting));
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
  losses_of(graph, logits, targets, losses, statistics);
  return graph.differentiable(losses, {logits}, [=](Graph& g, const Tensor& dy) {
    return std::vector<Tensor>{logit_gradient(g, logits, targets, statistics, dy)};
  });
}

LinearCrossEntropy linear_cross_entropy(Graph& graph, const Tensor& h, const Tensor& w, const Tensor& targets, const Tensor& scale,
                                        std::uint64_t max_logits_bytes) {
  require(w.shape.size() == 2 && h.dim(-1) == w.dim(1), "linear_cross_entropy: h is {} {}, its weight {} {}", name_of(h.dtype),
          to_string(h.shape), name_of(w.dtype), to_string(w.shape));
  require_targets("linear_cross_entropy", targets, h.rows());
  require(scale.dtype == DType::f32 && scale.size() == 1, "linear_cross_entropy: the scale is {} {}", name_of(scale.dtype),
          to_string(scale.shape));
  const std::uint32_t rows = h.rows(), dim = h.dim(-1), vocabulary = w.dim(0);
  const bool want_h = graph.wants_gradient(h), want_w = graph.wants_gradient(w), in_place = want_h || want_w;
  const DType type = in_place ? h.dtype : DType::f32;
  const std::uint32_t step = chunk_rows(rows, std::uint64_t{vocabulary} * bytes_of(type), max_logits_bytes);

  const Tensor flat = with_shape(h, {rows, dim}), flat_targets = with_shape(targets, {rows}), losses = graph.tensor({rows}, DType::f32);
  const Tensor dh = want_h ? graph.like(flat) : Tensor(), dw = want_w ? graph.tensor(w.shape, graph.gradient_dtype(w)) : Tensor();
  for (std::uint32_t first = 0; first < rows; first += step) {
    const std::uint32_t count = std::min(step, rows - first);
    const Tensor part = graph.slice(flat, first, count), part_targets = graph.slice(flat_targets, first, count);
    const Tensor part_losses = graph.slice(losses, first, count);
    const Tensor logits = matmul(graph, part, w, Layout::nt, {type});
    if (in_place) losses_in_place(graph, logits, part_targets, scale, part_losses);
    else losses_of(graph, logits, part_targets, part_losses, {});
    if (want_h) matmul(graph, logits, w, Layout::nn, {dh.dtype, {}, graph.slice(dh, first, count)});
    if (want_w) matmul(graph, logits, part, Layout::tn, {dw.dtype, first ? dw : Tensor(), dw});
  }
  return {graph.differentiable(losses, {h, w}, [=, shape = h.shape](Graph&, const Tensor&) {
    return std::vector<Tensor>{want_h ? with_shape(dh, shape) : Tensor(), dw};
  })};
}

Tensor mean_loss(Graph& graph, const Tensor& losses, const Tensor& count) {
  require(losses.dtype == DType::f32, "mean_loss: losses are {}", name_of(losses.dtype));
  const Tensor mean = graph.tensor({1}, DType::f32);
  graph.dispatch({.shader = "loss/mean_loss",
                  .push = {losses, count, mean, static_cast<std::uint32_t>(losses.size())},
                  .rows = 1,
                  .cost = {.flop = static_cast<double>(losses.size()), .bytes = static_cast<double>(losses.bytes())}});
  return mean;
}

}  // namespace ablate
