#include "ops/statistics/cosine.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {
namespace {

// The chosen rows, or 0, 1, 2, ... for all.
Tensor chosen(Graph& graph, const Tensor& x, const Tensor& rows) {
  require(!rows || rows.dtype == DType::i32, "cosine: chosen rows must be i32, are {}", name_of(rows.dtype));
  if (rows) return rows;
  std::vector<float> all;
  for (std::uint32_t row = 0; row < x.rows(); ++row) all.push_back(std::bit_cast<float>(row));
  return graph.constant("all rows", {x.rows()}, std::move(all));
}

}  // namespace

CosineRows cosine_rows(Graph& graph, const Tensor& a, const Tensor& b, const Tensor& a_rows, const Tensor& b_rows) {
  const Tensor of_a = chosen(graph, a, a_rows), of_b = chosen(graph, b, b_rows);
  const std::uint32_t n = dimension(of_a.size(), "cosine: rows"), dim = a.dim(-1);
  require(a.dtype == b.dtype && b.dim(-1) == dim && of_b.size() == n, "cosine: {} of {} {} and {} of {} {}", n, name_of(a.dtype),
          to_string(a.shape), of_b.size(), name_of(b.dtype), to_string(b.shape));
  const CosineRows result{graph.tensor({n}, DType::f32), graph.tensor({n}, DType::f32), graph.tensor({n}, DType::f32)};
  const double elements = static_cast<double>(n) * dim;
  graph.dispatch({.shader = "statistics/cosine",
                  .push = {a, b, of_a, of_b, result.cosine, result.norm_a, result.norm_b, n, 0u, dim, a.rows(), b.rows()},
                  .rows = n,
                  .constants = one_subgroup_per_row(graph, a),
                  .cost = {.flop = 6 * elements, .bytes = 2 * elements * static_cast<double>(bytes_of(a.dtype))}});
  return result;
}

Tensor pairwise_cosine(Graph& graph, const Tensor& x, const Tensor& rows) {
  const Tensor of_x = chosen(graph, x, rows);
  const std::uint32_t n = dimension(of_x.size(), "cosine: rows"), dim = x.dim(-1);
  const Tensor cosine = graph.tensor({n, n}, DType::f32);
  graph.dispatch({.shader = "statistics/cosine",
                  .push = {x, x, of_x, of_x, cosine, Tensor(), Tensor(), cosine.size(), n, dim, x.rows(), x.rows()},
                  .rows = cosine.size(),
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = {.flop = 6.0 * n * n * dim, .bytes = static_cast<double>(n) * dim * static_cast<double>(bytes_of(x.dtype))}});
  return cosine;
}

}  // namespace ablate
