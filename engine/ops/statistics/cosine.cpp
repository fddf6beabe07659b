#include "ops/statistics/cosine.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {
namespace {

void require_rows(const Tensor& rows) {
  require(!rows || rows.dtype == DType::i32, "cosine: chosen rows must be i32, are {}", name_of(rows.dtype));
}

std::uint32_t chosen(const Tensor& x, const Tensor& rows) { return rows ? static_cast<std::uint32_t>(rows.size()) : x.rows(); }

}  // namespace

CosineRows cosine_rows(Graph& graph, const Tensor& a, const Tensor& b, const Tensor& a_rows, const Tensor& b_rows) {
  require_rows(a_rows);
  require_rows(b_rows);
  const std::uint32_t n = chosen(a, a_rows), dim = a.dim(-1);
  require(a.dtype == b.dtype && b.dim(-1) == dim && chosen(b, b_rows) == n, "cosine: {} of {} {} and {} of {} {}", n, name_of(a.dtype),
          to_string(a.shape), chosen(b, b_rows), name_of(b.dtype), to_string(b.shape));
  const CosineRows result{graph.tensor({n}, DType::f32), graph.tensor({n}, DType::f32), graph.tensor({n}, DType::f32)};
  const double elements = static_cast<double>(n) * dim;
  graph.dispatch({.shader = "statistics/cosine",
                  .push = {a, b, a_rows, b_rows, result.cosine, result.norm_a, result.norm_b, n, 0u, dim, a.rows(), b.rows()},
                  .rows = n,
                  .constants = one_subgroup_per_row(graph, a),
                  .cost = {.flop = 6 * elements, .bytes = 2 * elements * static_cast<double>(bytes_of(a.dtype))}});
  return result;
}

Tensor pairwise_cosine(Graph& graph, const Tensor& x, const Tensor& rows) {
  require_rows(rows);
  const std::uint32_t n = chosen(x, rows), dim = x.dim(-1);
  const Tensor cosine = graph.tensor({n, n}, DType::f32);
  graph.dispatch({.shader = "statistics/cosine",
                  .push = {x, x, rows, rows, cosine, Tensor(), Tensor(), cosine.size(), n, dim, x.rows(), x.rows()},
                  .rows = cosine.size(),
                  .constants = one_subgroup_per_row(graph, x),
                  .cost = {.flop = 6.0 * n * n * dim, .bytes = static_cast<double>(n) * dim * static_cast<double>(bytes_of(x.dtype))}});
  return cosine;
}

}  // namespace ablate
