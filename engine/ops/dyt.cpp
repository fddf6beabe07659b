#include "ops/dyt.h"

#include "ops/norm.h"
#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>

namespace ablate {
namespace {

// Chunks of rows for the reductions: about half a million invocations fill a large GPU, but no fewer than 16 rows each, so that the partial
// sums stay small.
std::uint32_t chunks_of(std::uint32_t rows, std::uint32_t groups) { return std::clamp((1u << 19) / groups, 1u, std::max(1u, rows / 16)); }

std::vector<Tensor> gradients(Graph& graph, const Tensor& x, const Tensor& weight, const Tensor& alpha, const Tensor& bias,
                              const Tensor& dy) {
  const std::uint32_t rows = x.rows(), dim = x.dim(-1), groups = static_cast<std::uint32_t>(groups_in(dim)),
                      chunks = chunks_of(rows, groups);
  const std::uint64_t per_chunk = chunk_of(rows, chunks), elements = per_chunk * dim;
  const auto partial = [&](const Tensor& parameter, std::uint32_t width) {
    return graph.wants_gradient(parameter) ? graph.tensor({chunks, width}, DType::f32) : Tensor();
  };
  const Tensor before = graph.take_gradient(x), dx = graph.wants_gradient(x) ? graph.like(x) : Tensor();
  const Tensor dweight = partial(weight, dim), dbias = partial(bias, dim), dalpha = partial(alpha, groups);
  graph.dispatch(
      {.shader = "norm/dyt_backward",
       .push = {x, dy, before, weight, alpha, dx, dweight, dbias, dalpha, rows, dim, chunks},
       .cut = cut_along(
           chunks, {{0, elements}, {1, elements}, {2, elements}, {5, elements}, {6, dim}, {7, dim}, {8, groups}, {9, per_chunk}, {11, 1}}),
       .items = groups_of(chunks, dim),
       .constants = for_rows(x, dim),
       .cost = {.flop = 20.0 * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() * (before ? 4 : 3))}});
  const auto total = [&](const Tensor& parts) { return parts ? sum_rows(graph, parts) : Tensor(); };
  const Tensor alphas = total(dalpha);
  std::vector<Tensor> all{dx, total(dweight), alphas ? sum_rows(graph, graph.reshape(alphas, {groups, 1})) : Tensor()};
  if (bias) all.push_back(total(dbias));
  return all;
}

}  // namespace

Tensor dyt(Graph& graph, const Tensor& x, const Tensor& weight, const Tensor& alpha, const Tensor& bias) {
  const bool fit = weight.size() == x.dim(-1) && alpha.size() == 1 && (!bias || bias.size() == x.dim(-1));
  require(fit && weight.dtype == DType::f32 && alpha.dtype == DType::f32 && bias.dtype == DType::f32,
          "dyt: x has {} channels, its weight is {}, alpha {}, bias {}, which must be f32", x.dim(-1), to_string(weight.shape),
          to_string(alpha.shape), to_string(bias.shape));
  const Tensor y = graph.like(x);
  graph.dispatch({.shader = "norm/dyt",
                  .push = {x, weight, alpha, bias, y, x.rows(), x.dim(-1)},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {4, x.dim(-1)}, {5, 1}}),
                  .items = groups_of(x.rows(), x.dim(-1)),
                  .constants = for_rows(x, x.dim(-1)),
                  .cost = {.flop = 12.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  std::vector<Tensor> inputs{x, weight, alpha};
  if (bias) inputs.push_back(bias);
  return graph.differentiable(y, inputs, [=](Graph& g, const Tensor& dy) { return gradients(g, x, weight, alpha, bias, dy); });
}

static const Norms::Registration registration("dyt", {[](Graph& g, const NormArgs& a) {
                                                return dyt(g, a.x, a.parameter("weight"), a.parameter("alpha"), a.parameter("bias"));
                                              }});

}  // namespace ablate
