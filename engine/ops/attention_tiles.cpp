// Attention in f32 arithmetic on any device: tiles of queries and keys in shared memory, of a size for GPUs and one that fits everywhere.
#include "ops/attention_kernel.h"

namespace ablate {
namespace {

/// See shaders/attention/tiles.glsl.
struct Tiling {
  std::uint32_t lx, ly, rows_per_lane;

  std::uint32_t rows() const { return rows_per_lane * ly; }
  std::uint32_t columns() const { return 4 * lx; }
  std::uint32_t shared_bytes() const { return 16 * (rows() + columns()) * (lx + 1); }
  bool fits(const Caps& caps) const { return shared_bytes() <= caps.shared_memory && lx * ly <= caps.max_invocations; }
};

/// Of passes for queries, which keep one result, and of the backward pass for keys, which keeps two.
struct Tilings {
  Tiling queries, keys;
  bool fits(const Caps& caps) const { return queries.fits(caps) && keys.fits(caps); }
};

/// The more rows a lane has, the more it multiplies per number it loads; wide results leave registers for four.
Tilings large(std::uint32_t head_dim) {
  constexpr Tiling eight{16, 8, 8}, four{16, 16, 4};
  return {head_dim <= 128 ? eight : four, head_dim <= 64 ? eight : four};
}
Tilings small(std::uint32_t) { return {{8, 8, 4}, {8, 8, 4}}; }
using Choice = Tilings (*)(std::uint32_t head_dim);

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
  all.runs = [=](const Caps& caps, const AttentionProblem& problem) { return choice(problem.options.head_dim).fits(caps); };
  all.rank = std::move(rank);
  all.forward = [=](Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
    const AttentionOptions& o = problem.options;
    Dispatch dispatch = launch(problem, choice(o.head_dim).queries, "attention/tiles_forward", o.heads);
    dispatch.push = problem.push({problem.q, problem.k, problem.v, result.y, result.lse, o.sinks, o.k_bias, o.v_bias, o.masked_keys});
    dispatch.cut = cut_attention_forward(problem, 9);
    dispatch.constants.push_back({"MASKED", o.masked_keys ? 1 : 0});
    dispatch.cost = attention_forward_cost(problem);
    graph.dispatch(std::move(dispatch));
  };
  all.backward = [=](Graph& graph, const AttentionProblem& problem, const AttentionGradients& g) {
    const AttentionOptions& o = problem.options;
    const Tilings tilings = choice(o.head_dim);
    Dispatch queries = launch(problem, tilings.queries, "attention/tiles_backward_q", o.heads);
    queries.push = problem.push({problem.q, problem.k, problem.v, g.y, g.dy, g.lse, g.delta, g.dq, o.k_bias, o.v_bias});
    queries.cut = cut_attention_backward_q(problem, 10);
    queries.cost = attention_backward_q_cost(problem);
    graph.dispatch(std::move(queries));
    Dispatch keys = launch(problem, tilings.keys, "attention/tiles_backward_kv", o.kv_heads);
    keys.push = problem.push({problem.q, problem.k, problem.v, g.dy, g.lse, g.delta, g.dk, g.dv});
    keys.cut = cut_attention_backward_kv(problem);
    keys.cost = attention_backward_kv_cost(problem);
    graph.dispatch(std::move(keys));
  };
  return all;
}

const AttentionKernels::Registration for_gpus("tiles", kernel(large, [](const Caps& caps) { return caps.is_cpu() ? 0 : 3; }));
const AttentionKernels::Registration everywhere("small_tiles", kernel(small, [](const Caps&) { return 1; }));

}  // namespace
}  // namespace ablate
