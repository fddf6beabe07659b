// Attention in f32 arithmetic on any device: tiles of queries and keys in shared memory, of a size for GPUs and one that fits everywhere.
#include "ops/attention_kernel.h"

namespace ablate {
namespace {

/// See shaders/attention/tiles.glsl.
struct Tiling {
  std::uint32_t lx, ly;

  std::uint32_t rows() const { return 4 * ly; }
  std::uint32_t shared_bytes() const { return 16 * (4 * lx + rows()) * (lx + 1) + 4 * rows() * lx; }
  bool fits(const Caps& caps) const { return shared_bytes() <= caps.shared_memory && lx * ly <= caps.max_invocations; }
};

Dispatch launch(const AttentionProblem& problem, const Tiling& tiling, const char* shader, std::uint32_t heads) {
  Dispatch dispatch;
  dispatch.shader = problem.kernel(shader);
  dispatch.rows = std::uint64_t{problem.batch} * heads * ((problem.tokens + tiling.rows() - 1) / tiling.rows());
  dispatch.constants = problem.constants({{"LANES", tiling.lx * tiling.ly}, {"LX", tiling.lx}, {"LY", tiling.ly}});
  return dispatch;
}

AttentionKernel kernel(const Tiling& tiling, std::function<int(const Caps&)> rank) {
  AttentionKernel all;
  all.runs = [=](const Caps& caps, const AttentionProblem&) { return tiling.fits(caps); };
  all.rank = std::move(rank);
  all.forward = [=](Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
    const AttentionOptions& o = problem.options;
    Dispatch dispatch = launch(problem, tiling, "attention/tiles_forward", o.heads);
    dispatch.push = problem.push({problem.q, problem.k, problem.v, result.y, result.lse, o.sinks, o.k_bias, o.v_bias});
    dispatch.cost = attention_forward_cost(problem);
    graph.dispatch(std::move(dispatch));
  };
  all.backward = [=](Graph& graph, const AttentionProblem& problem, const AttentionGradients& g) {
    const AttentionOptions& o = problem.options;
    Dispatch queries = launch(problem, tiling, "attention/tiles_backward_q", o.heads);
    queries.push = problem.push({problem.q, problem.k, problem.v, g.y, g.dy, g.lse, g.delta, g.dq, o.k_bias, o.v_bias});
    queries.cost = attention_backward_q_cost(problem);
    graph.dispatch(std::move(queries));
    Dispatch keys = launch(problem, tiling, "attention/tiles_backward_kv", o.kv_heads);
    keys.push = problem.push({problem.q, problem.k, problem.v, g.dy, g.lse, g.delta, g.dk, g.dv});
    keys.cost = attention_backward_kv_cost(problem);
    graph.dispatch(std::move(keys));
  };
  return all;
}

const AttentionKernels::Registration large("tiles", kernel({16, 16}, [](const Caps& caps) { return caps.is_cpu() ? 0 : 3; }));
const AttentionKernels::Registration small("small_tiles", kernel({8, 8}, [](const Caps&) { return 1; }));

}  // namespace
}  // namespace ablate
