#include "ops/matmul.h"

namespace ablate {
namespace {

struct Problem {
  std::uint32_t m, n, k, batch;
};

Problem problem_of(const Tensor& a, const Tensor& b, Layout layout) {
  require(a.shape.size() >= 2 && a.shape.size() == b.shape.size(), "matmul: {} and {}", to_string(a.shape), to_string(b.shape));
  Problem p{};
  p.m = layout == Layout::tn ? a.dim(-1) : a.dim(-2);
  p.k = layout == Layout::tn ? a.dim(-2) : a.dim(-1);
  p.n = layout == Layout::nt ? b.dim(-2) : b.dim(-1);
  const std::uint32_t b_k = layout == Layout::nt ? b.dim(-1) : b.dim(-2);
  p.batch = static_cast<std::uint32_t>(a.size() / (std::uint64_t{p.m} * p.k));
  const bool batches = Shape(a.shape.begin(), a.shape.end() - 2) == Shape(b.shape.begin(), b.shape.end() - 2);
  require(p.k == b_k && batches, "matmul: {} and {} do not fit", to_string(a.shape), to_string(b.shape));
  return p;
}

}  // namespace

Tensor matmul(Graph& graph, const Tensor& a, const Tensor& b, Layout layout, const MatmulOptions& options) {
  const Problem p = problem_of(a, b, layout);
  Shape shape(a.shape.begin(), a.shape.end() - 2);
  shape.insert(shape.end(), {p.m, p.n});
  const Tensor c = options.into ? options.into : graph.tensor(shape, options.out);
  require(c.shape == shape && c.dtype == options.out, "matmul: the product is {} {}, to go into {} {}", name_of(options.out), to_string(shape), name_of(c.dtype),
          to_string(c.shape));
  if (options.residual)
    require(options.residual.size() == c.size() && options.residual.dtype == c.dtype, "matmul: the residual is {}, the product {}", to_string(options.residual.shape),
            to_string(c.shape));
  graph.dispatch({.shader = "matmul/portable",
                  .push = {a, b, options.residual, c, p.m, p.n, p.k, p.batch},
                  .items = std::uint64_t{p.batch} * ((p.m + 3) / 4) * ((p.n + 3) / 4),
                  .constants = {{"A_TYPE", static_cast<std::uint32_t>(a.dtype)},
                                {"B_TYPE", static_cast<std::uint32_t>(b.dtype)},
                                {"C_TYPE", static_cast<std::uint32_t>(c.dtype)},
                                {"A_TRANSPOSED", layout == Layout::tn},
                                {"B_TRANSPOSED", layout == Layout::nt}},
                  .cost = {.flop = 2.0 * p.batch * p.m * p.n * p.k,
                           .bytes = static_cast<double>(a.bytes() + b.bytes() + c.bytes() + (options.residual ? c.bytes() : 0))}});
  return c;
}

Tensor linear(Graph& graph, const Tensor& x, const Tensor& w, const Tensor& residual) {
  require(w.shape.size() == 2 && x.dim(-1) == w.dim(1), "linear: x has {} channels, its weight is {}", x.dim(-1), to_string(w.shape));
  const Shape flat{x.rows(), x.dim(-1)}, flat_out{x.rows(), w.dim(0)};
  Shape shape = x.shape;
  shape.back() = w.dim(0);
  const auto as = [](Tensor t, const Shape& s) {
    t.shape = s;
    return t;
  };
  const Tensor y = as(matmul(graph, as(x, flat), w, Layout::nt, {x.dtype, residual}), shape);
  std::vector<Tensor> inputs = {x, w};
  if (residual) inputs.push_back(residual);
  return graph.differentiable(y, inputs, [=](Graph& g, const Tensor& dy) {
    const Tensor d = as(dy, flat_out);
    std::vector<Tensor> parts(2);
    if (g.wants_gradient(x)) {
      const Tensor before = g.take_gradient(x);
      parts[0] = as(matmul(g, d, w, Layout::nn, {x.dtype, before}), x.shape);
    }
    if (g.wants_gradient(w)) parts[1] = matmul(g, d, as(x, flat), Layout::tn, {g.gradient_dtype(w)});
    if (residual) parts.push_back(dy);
    return parts;
  });
}

}  // namespace ablate
