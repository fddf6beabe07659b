// Attention with whole vectors in registers, handed around a subgroup: no shared memory, no barriers. For CPUs.
#include "ops/attention_kernel.h"

#include <algorithm>

namespace ablate {
namespace {

/// Vectors a lane owns: each one that passes by serves all of them, but `floats` (over all of a vector's channels) must stay in the nearest
/// cache.
std::uint32_t rows_per_lane(const AttentionProblem& problem, std::uint32_t lanes, std::uint32_t floats) {
  const std::uint32_t fit = std::clamp(floats / problem.options.head_dim, 1u, 4u);
  return std::min(fit, (problem.tokens + lanes - 1) / lanes);
}

Dispatch launch(const Graph& graph, const AttentionProblem& problem, const char* shader, std::uint32_t heads, std::uint32_t floats) {
  const std::uint32_t lanes = graph.caps().subgroup_size, rows = rows_per_lane(problem, lanes, floats);
  Dispatch dispatch;
  dispatch.shader = problem.kernel(shader);
  dispatch.rows = std::uint64_t{problem.batch} * heads * ((problem.tokens + lanes * rows - 1) / (lanes * rows));
  dispatch.constants = problem.constants({{"LANES", lanes}, {"ROWS", rows}});
  if (graph.caps().subgroup_size_control) dispatch.subgroup = lanes;
  return dispatch;
}

// Every channel is code of its own, so that compiling takes a CPU driver seconds per 64 channels; beyond 128 it takes minutes.
bool runs(const Caps& caps, const AttentionProblem& problem) {
  return problem.options.head_dim <= 128 && caps.subgroup_arithmetic && caps.subgroup_ballot &&
         (caps.is_cpu() || caps.subgroup_size_control);
}

int rank(const Caps& caps) { return caps.is_cpu() ? 2 : 0; }

void forward(Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
  const AttentionOptions& o = problem.options;
  Dispatch dispatch = launch(graph, problem, "attention/rows_forward", o.heads, 256);
  dispatch.push =
      problem.push({problem.q, problem.k, problem.v, result.y, result.lse, o.sinks, o.k_bias, o.v_bias, o.masked_keys, problem.known_lse});
  dispatch.cut = cut_attention_forward(problem, 10);
  dispatch.constants.push_back({"MASKED", o.masked_keys ? 1 : 0});
  dispatch.cost = attention_forward_cost(problem);
  graph.dispatch(std::move(dispatch));
}

void backward(Graph& graph, const AttentionProblem& problem, const AttentionGradients& g) {
  const AttentionOptions& o = problem.options;
  Dispatch queries = launch(graph, problem, "attention/rows_backward_q", o.heads, 128);
  queries.push = problem.push({problem.q, problem.k, problem.v, g.y, g.dy, g.lse, g.delta, g.dq, o.k_bias, o.v_bias});
  queries.cut = cut_attention_backward_q(problem, 10);
  queries.cost = attention_backward_q_cost(problem);
  graph.dispatch(std::move(queries));
  Dispatch keys = launch(graph, problem, "attention/rows_backward_kv", o.kv_heads, 128);
  keys.push = problem.push({problem.q, problem.k, problem.v, g.dy, g.lse, g.delta, g.dk, g.dv});
  keys.cut = cut_attention_backward_kv(problem);
  keys.cost = attention_backward_kv_cost(problem);
  graph.dispatch(std::move(keys));
}

const AttentionKernels::Registration registration("rows", {runs, rank, forward, backward});

}  // namespace
}  // namespace ablate
