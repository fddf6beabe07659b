#include "ops/normalize.h"

#include "ops/rows.h"
#include "ops/sum_rows.h"

#include <algorithm>

namespace ablate {
namespace {

struct Statistics {
  Tensor mean, rstd;  ///< (rows) f32; no mean where it is not subtracted
};

Specialization constants_of(const Tensor& x, const Team& team, const Statistics& statistics) {
  return for_rows(x, x.dim(-1)) + team.constants + Specialization{{"CENTERED", static_cast<bool>(statistics.mean)}};
}

// Chunks of rows, one for each team: some eight rows each, so that writing and summing the partial weight gradients costs little beside
// reading the rows, and no more chunks than fill a large GPU a few times over.
std::uint32_t chunks_of(const Caps& caps, const Team& team, std::uint32_t rows) {
  if (caps.is_cpu()) return std::clamp(rows / 32, 1u, 64u);
  const std::uint32_t most = team.kind == Team::lane ? 1u << 17 : team.kind == Team::subgroup ? 8192 : 1024;
  return std::clamp(rows / 8, std::min(rows, most / 4), most);
}

std::vector<Tensor> gradients(Graph& graph, const Tensor& x, const Tensor& weight, const Statistics& statistics, const Tensor& dy) {
  const std::uint32_t rows = x.rows(), dim = x.dim(-1);
  const Team team = team_for(graph.caps(), dim);
  const bool wants_x = graph.wants_gradient(x), wants_weight = graph.wants_gradient(weight);
  const std::uint32_t chunks = wants_weight ? chunks_of(graph.caps(), team, rows) : rows;
  const std::uint64_t per_chunk = chunk_of(rows, chunks), elements = per_chunk * dim;
  const Tensor before = graph.take_gradient(x);
  const Tensor dx = wants_x ? graph.like(x) : Tensor(), partial = wants_weight ? graph.tensor({chunks, dim}, DType::f32) : Tensor();
  graph.dispatch(
      {.shader = "norm/normalize_backward",
       .push = {x, dy, before, weight, statistics.mean, statistics.rstd, dx, partial, rows, dim, chunks},
       .cut = cut_along(
           chunks,
           {{0, elements}, {1, elements}, {2, elements}, {4, per_chunk}, {5, per_chunk}, {6, elements}, {7, dim}, {8, per_chunk}, {10, 1}}),
       .items = std::uint64_t{chunks} * team.lanes,
       .constants = constants_of(x, team, statistics),
       .cost = {.flop = 11.0 * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() * (before ? 4 : 3))}});
  return {dx, wants_weight ? sum_rows(graph, partial) : Tensor()};
}

}  // namespace

Tensor normalize(Graph& graph, const char* op, const Tensor& x, const Tensor& weight, float eps, bool centered) {
  require(x.dim(-1) == weight.size() && weight.dtype == DType::f32, "{}: x has {} channels, its weight {} of type {}", op, x.dim(-1),
          weight.size(), name_of(weight.dtype));
  const Team team = team_for(graph.caps(), x.dim(-1));
  const Tensor y = graph.like(x);
  const Statistics statistics{centered ? graph.tensor({x.rows()}, DType::f32) : Tensor(), graph.tensor({x.rows()}, DType::f32)};
  graph.dispatch({.shader = "norm/normalize",
                  .push = {x, weight, y, statistics.mean, statistics.rstd, x.rows(), x.dim(-1), eps},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {2, x.dim(-1)}, {3, 1}, {4, 1}, {5, 1}}),
                  .items = std::uint64_t{x.rows()} * team.lanes,
                  .constants = constants_of(x, team, statistics),
                  .cost = {.flop = (centered ? 6.0 : 4.0) * static_cast<double>(x.size()), .bytes = 2.0 * static_cast<double>(x.bytes())}});
  return graph.differentiable(y, {x, weight}, [=](Graph& g, const Tensor& dy) { return gradients(g, x, weight, statistics, dy); });
}

}  // namespace ablate
