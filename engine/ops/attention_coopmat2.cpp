// Attention on workgroup-wide cooperative matrices (VK_NV_cooperative_matrix2), for 16-bit types and the usual head sizes.
#include "ops/attention_kernel.h"

namespace ablate {
namespace {

/// Rows and columns that a workgroup of `lanes` invocations multiplies at a time. Which serve best is in docs/performance.md.
struct Blocking {
  std::uint32_t rows, columns, lanes;
};

constexpr Blocking forward_blocking{64, 64, 128};
Blocking backward_q_blocking(std::uint32_t head_dim) { return head_dim <= 64 ? Blocking{64, 32, 128} : Blocking{128, 64, 256}; }
Blocking backward_kv_blocking(std::uint32_t head_dim) { return head_dim <= 64 ? Blocking{64, 64, 128} : Blocking{64, 64, 256}; }

bool is_aligned(const Tensor& x) { return !x || x.offset % 16 == 0; }

bool runs(const Caps& caps, const AttentionProblem& problem) {
  const std::uint32_t d = problem.options.head_dim;
  const bool known = !problem.user && !problem.clipped() && !problem.options.k_bias && !problem.options.masked_keys &&
                     problem.options.softcap == 0 && (d == 32 || d == 64 || d == 128);
  const bool typed = caps.coopmat2 && (problem.q.dtype == DType::f16 || (problem.q.dtype == DType::bf16 && caps.coopmat_bf16));
  return known && typed && is_aligned(problem.q) && is_aligned(problem.k) && is_aligned(problem.v) && caps.max_invocations >= 256;
}

int rank(const Caps&) { return 6; }

Dispatch launch(const Graph& graph, const AttentionProblem& problem, const std::string& pass, std::uint32_t heads, const Blocking& b) {
  Dispatch dispatch;
  dispatch.shader = "attention/coopmat2_" + pass + (problem.q.dtype == DType::bf16 ? "_bf16" : "");
  dispatch.rows = std::uint64_t{problem.batch} * heads * ((problem.tokens + b.rows - 1) / b.rows);
  dispatch.constants = {{"LANES", b.lanes},
                        {"DTYPE", static_cast<std::uint32_t>(problem.q.dtype)},
                        {"HEAD_DIM", problem.options.head_dim},
                        {"SCORE", problem.score},
                        {"BLOCK_ROWS", b.rows},
                        {"BLOCK_COLUMNS", b.columns},
                        {"CLAMP", problem.tokens % b.rows == 0 && problem.tokens % b.columns == 0 ? 0 : 1}};
  dispatch.subgroup = graph.caps().subgroup_size;
  return dispatch;
}

void forward(Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
  const AttentionOptions& o = problem.options;
  Dispatch dispatch = launch(graph, problem, "forward", o.heads, forward_blocking);
  dispatch.push = problem.push({problem.q, problem.k, problem.v, result.y, result.lse, o.sinks});
  dispatch.cut = cut_attention_forward(problem, 6);
  dispatch.cost = attention_forward_cost(problem);
  graph.dispatch(std::move(dispatch));
}

void backward(Graph& graph, const AttentionProblem& problem, const AttentionGradients& g) {
  const AttentionOptions& o = problem.options;
  Dispatch queries = launch(graph, problem, "backward_q", o.heads, backward_q_blocking(o.head_dim));
  queries.push = problem.push({problem.q, problem.k, problem.v, g.y, g.dy, g.lse, g.delta, g.dq});
  queries.cut = cut_attention_backward_q(problem, 8);
  queries.cost = attention_backward_q_cost(problem);
  graph.dispatch(std::move(queries));
  Dispatch keys = launch(graph, problem, "backward_kv", o.kv_heads, backward_kv_blocking(o.head_dim));
  keys.push = problem.push({problem.q, problem.k, problem.v, g.dy, g.lse, g.delta, g.dk, g.dv});
  keys.cut = cut_attention_backward_kv(problem);
  keys.cost = attention_backward_kv_cost(problem);
  graph.dispatch(std::move(keys));
}

const AttentionKernels::Registration registration("coopmat2", {runs, rank, forward, backward});

}  // namespace
}  // namespace ablate
