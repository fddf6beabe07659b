// Attention in f32 arithmetic on any device: tiles of queries and keys in shared memory, of a size for GPUs and one that fits everywhere.
#include "ops/attention_kernel.h"

#include <optional>

namespace ablate {
namespace {

/// See shaders/attention/tiles.glsl.
struct Tiling {
  std::uint32_t lx, ly, rows_per_lane;

  std::uint32_t rows() const { return rows_per_lane * ly; }
  std::uint32_t columns() const { return 4 * lx; }
  std::uint32_t shared_bytes() const { return 16 * (rows() + columns()) * (lx + 1); }
  /// Of a lane that keeps `results` rows of channels for each of its own: those, its scores and their gradients, operands, addresses. Compared
  /// with what compilers report: eight rows of 128 channels take 240 to 256 on AMD.
  std::uint32_t registers(std::uint32_t head_dim, std::uint32_t results) const {
    const std::uint32_t groups = (head_dim + 3) / 4, chunks = (groups + lx - 1) / lx;
    return rows_per_lane * (4 * results * chunks + 12) + 88;
  }
  bool fits(const Caps& caps, std::uint32_t head_dim, std::uint32_t results) const {
    return shared_bytes() <= caps.shared_memory && lx * ly <= caps.max_invocations && registers(head_dim, results) <= caps.lean_registers;
  }
};

/// Of passes for queries, which keep one result, and of the backward pass for keys, which keeps two, or one at a time where registers are few.
struct Tilings {
  std::optional<Tiling> queries, keys;
  std::uint32_t results_of_keys = 2;
};

/// The first of each that fits.
template <std::size_t N>
Tilings first_that_fit(const Tiling (&all)[N], const Caps& caps, std::uint32_t head_dim) {
  Tilings found;
  for (const Tiling& tiling : all) {
    if (!found.queries && tiling.fits(caps, head_dim, 1)) found.queries = tiling;
    if (!found.keys && tiling.fits(caps, head_dim, 2)) found.keys = tiling;
  }
  if (!found.keys) found.keys = found.queries, found.results_of_keys = 1;
  return found;
}

/// The more rows a lane has, the more it multiplies per number it loads, and the more registers it takes.
Tilings large(const Caps& caps, std::uint32_t head_dim) {
  static constexpr Tiling all[] = {{16, 8, 8}, {16, 16, 4}, {16, 16, 2}, {16, 16, 1}};
  return first_that_fit(all, caps, head_dim);
}
/// Where there are few lanes or registers to choose from, the last must do.
Tilings small(const Caps& caps, std::uint32_t head_dim) {
  static constexpr Tiling all[] = {{8, 8, 4}, {8, 8, 2}, {8, 8, 1}};
  Tilings found = first_that_fit(all, caps, head_dim);
  if (!found.queries) found.queries = all[2];
  if (!found.keys) found.keys = all[2];
  return found;
}
using Choice = Tilings (*)(const Caps& caps, std::uint32_t head_dim);

Dispatch launch(const AttentionProblem& problem, const Tiling& tiling, const char* shader, std::uint32_t heads) {
  Dispatch dispatch;
  dispatch.shader = problem.kernel(shader);
  dispatch.rows = std::uint64_t{problem.batch} * heads * ((problem.tokens + tiling.rows() - 1) / tiling.rows());
  dispatch.constants =
      problem.constants({{"LANES", tiling.lx * tiling.ly}, {"LX", tiling.lx}, {"LY", tiling.ly}, {"ROWS", tiling.rows_per_lane}});
  return dispatch;
}

AttentionKernel kernel(Choice choice, std::function<int(const Caps&)> rank) {
  AttentionKernel all;
  all.runs = [=](const Caps& caps, const AttentionProblem& problem) {
    const Tilings found = choice(caps, problem.options.head_dim);
    return found.queries && found.keys;
  };
  all.rank = std::move(rank);
  all.forward = [=](Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
    const AttentionOptions& o = problem.options;
    Dispatch dispatch = launch(problem, choice(graph.caps(), o.head_dim).queries.value(), "attention/tiles_forward", o.heads);
    dispatch.push = problem.push(
        {problem.q, problem.k, problem.v, result.y, result.lse, o.sinks, o.k_bias, o.v_bias, o.masked_keys, problem.known_lse});
    dispatch.cut = cut_attention_forward(problem, 10);
    dispatch.constants.push_back({"MASKED", o.masked_keys ? 1 : 0});
    dispatch.cost = attention_forward_cost(problem);
    graph.dispatch(std::move(dispatch));
  };
  all.backward = [=](Graph& graph, const AttentionProblem& problem, const AttentionGradients& g) {
    const AttentionOptions& o = problem.options;
    const Tilings tilings = choice(graph.caps(), o.head_dim);
    Dispatch queries = launch(problem, tilings.queries.value(), "attention/tiles_backward_q", o.heads);
    queries.push = problem.push({problem.q, problem.k, problem.v, g.y, g.dy, g.lse, g.delta, g.dq, o.k_bias, o.v_bias});
    queries.cut = cut_attention_backward_q(problem, 10);
    queries.cost = attention_backward_q_cost(problem);
    graph.dispatch(std::move(queries));
    for (std::uint32_t first = 0; first < 2; first += tilings.results_of_keys) {
      Dispatch keys = launch(problem, tilings.keys.value(), "attention/tiles_backward_kv", o.kv_heads);
      if (tilings.results_of_keys == 1) keys.constants.push_back({"RESULTS", first == 0 ? 1u : 2u});
      keys.push = problem.push({problem.q, problem.k, problem.v, g.dy, g.lse, g.delta, g.dk, g.dv});
      keys.cut = cut_attention_backward_kv(problem);
      keys.cost = attention_backward_kv_cost(problem);
      graph.dispatch(std::move(keys));
    }
  };
  return all;
}

const AttentionKernels::Registration for_gpus("tiles", kernel(large, [](const Caps& caps) { return caps.is_cpu() ? 0 : 3; }));
const AttentionKernels::Registration everywhere("small_tiles", kernel(small, [](const Caps&) { return 1; }));

}  // namespace
}  // namespace ablate
