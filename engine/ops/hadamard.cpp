#include "ops/hadamard.h"

#include "base/hadamard.h"
#include "ops/convert.h"
#include "ops/matmul.h"
#include "ops/rows.h"
#include "ops/scale.h"

#include <cmath>

namespace ablate {
namespace {

// Of pairs of elements that lie `apart` within a row: their sum and their difference, times factor. It is its own transpose.
Tensor butterflies(Graph& graph, const Tensor& x, std::uint32_t apart, float factor) {
  const Tensor y = graph.like(x);
  const std::uint64_t width = x.dim(-1);
  graph.dispatch({.shader = "elementwise/butterflies",
                  .push = {x, y, x.size(), apart, factor},
                  .cut = cut_along(x.rows(), {{0, width}, {1, width}, {2, width}}),
                  .items = x.size(),
                  .cost = {.flop = 2.0 * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x}, [=](Graph& g, const Tensor& dy) { return std::vector<Tensor>{butterflies(g, dy, apart, factor)}; });
}

// Rows of (..., m) times the core, or its transpose.
Tensor times_core(Graph& graph, const Tensor& x, const HadamardFactors& factors, bool back) {
  const auto m = static_cast<std::uint32_t>(factors.order);
  std::vector<float> core(factors.core.size());
  for (std::size_t i = 0; i < core.size(); ++i) core[i] = static_cast<float>(back ? factors.core[i % m * m + i / m] : factors.core[i]);
  const Tensor rows = graph.reshape(x, {dimension(x.size() / m, "hadamard"), m});
  return graph.reshape(linear(graph, rows, graph.constant("hadamard", {m, m}, std::move(core))), x.shape);
}

}  // namespace

Tensor hadamard(Graph& graph, const Tensor& x, bool back) {
  require(x.dtype == DType::f32, "hadamard: x must be f32, is {}", name_of(x.dtype));
  const std::uint32_t n = x.dim(-1);
  const HadamardFactors factors = hadamard_factors(n, "hadamard");
  Tensor y = x;
  if (factors.order > 1) y = times_core(graph, y, factors, back);
  float factor = 1.0f / std::sqrt(static_cast<float>(n));
  for (auto apart = static_cast<std::uint32_t>(factors.order); apart < n; apart *= 2, factor = 1.0f)
    y = butterflies(graph, y, apart, factor);
  return factor == 1.0f ? y : scale(graph, y, factor);
}

Tensor quantize_turned(Graph& graph, const Tensor& x, const Quantization& q) {
  return convert(graph, hadamard(graph, quantize(graph, hadamard(graph, convert(graph, x, DType::f32)), q), true), x.dtype);
}

Matrix quantize_turned(Graph& graph, const Matrix& w, const Quantization& q, std::uint32_t matrices) {
  std::vector<Tensor> turned, back;
  for (const Tensor& part : w.parts) turned.push_back(hadamard(graph, convert(graph, part, DType::f32)));
  for (const Tensor& part : quantize(graph, Matrix(turned), q, matrices).parts)
    back.push_back(convert(graph, hadamard(graph, part, true), w.dtype()));
  return Matrix(back);
}

}  // namespace ablate
