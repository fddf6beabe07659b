// Attention on subgroup cooperative matrices (VK_KHR_cooperative_matrix), for 16-bit types and head sizes that are multiples of a matrix.
#include "ops/attention_kernel.h"
#include "ops/matmul_kernels.h"

namespace ablate {
namespace {

constexpr std::uint32_t most_in_registers = 64;  // channels of a row; wider ones stay in shared memory

/// See shaders/attention/coopmat.glsl.
struct Blocking {
  CoopShape shape;
  std::uint32_t subgroups, parts, columns, head_dim;

  std::uint32_t rows() const { return subgroups * parts * shape.m; }
  std::uint32_t shared_bytes() const {
    const std::uint32_t vectors = 2 * columns * (head_dim / 8 + 1), weights = rows() * (columns / 8 + 1);
    const std::uint32_t row_vectors = head_dim > most_in_registers ? 2 * rows() * (head_dim / 8 + 1) : 1;
    return 16 * (vectors + row_vectors + weights) + 4 * (subgroups * shape.m * shape.n + 2 * rows() + 2 * columns + shape.m + shape.n);
  }
  /// Of a subgroup's results and scores, which are in registers as long as it works.
  std::uint32_t matrix_bytes() const { return 4 * parts * shape.m * (head_dim + columns); }
  bool fits(const Caps& caps) const {
    const bool whole =
        columns % shape.n == 0 && columns % shape.k == 0 && head_dim % shape.k == 0 && head_dim % shape.n == 0 && shape.n % 8 == 0;
    return whole && rows() <= 2 * columns && 2 * matrix_bytes() < caps.matrix_bytes && shared_bytes() <= caps.shared_memory &&
           subgroups * caps.subgroup_size <= caps.max_invocations;
  }
};

/// The widest block of columns that fits the device. Results of wide heads take most registers: few subgroups and narrow blocks leave room
/// for them, and beyond 128 channels nothing does.
std::optional<Blocking> blocking(const Caps& caps, const AttentionProblem& problem) {
  const auto shape = coop_shape(caps, problem.q.dtype);
  const std::uint32_t head_dim = problem.options.head_dim;
  if (!shape || head_dim > 128) return std::nullopt;
  const bool wide = head_dim > most_in_registers;
  const std::uint32_t subgroups = wide ? 2 : 4, most_columns = wide ? 32 : 64;
  for (std::uint32_t columns = most_columns; columns >= 16; columns /= 2) {
    const Blocking found{*shape, subgroups, 1, columns, head_dim};
    if (found.fits(caps)) return found;
  }
  return std::nullopt;
}

bool is_aligned(const Tensor& x) { return !x || x.offset % 16 == 0; }

bool runs(const Caps& caps, const AttentionProblem& problem) {
  const bool known = !problem.user && !problem.clipped() && !problem.options.k_bias && !problem.options.masked_keys &&
                     problem.options.softcap == 0 && problem.options.head_dim % 16 == 0;
  const bool aligned = is_aligned(problem.q) && is_aligned(problem.k) && is_aligned(problem.v);
  return known && aligned && blocking(caps, problem).has_value();
}

// A CPU has no matrix units to win with.
int rank(const Caps& caps) { return caps.is_cpu() ? 2 : 5; }

Dispatch launch(const Graph& graph, const AttentionProblem& problem, const std::string& pass, std::uint32_t heads) {
  const Blocking b = blocking(graph.caps(), problem).value();
  Dispatch dispatch;
  dispatch.shader = "attention/coopmat_" + pass + (problem.q.dtype == DType::bf16 ? "_bf16" : "");
  dispatch.rows = std::uint64_t{problem.batch} * heads * ((problem.tokens + b.rows() - 1) / b.rows());
  dispatch.constants = {{"LANES", b.subgroups * graph.caps().subgroup_size},
                        {"DTYPE", static_cast<std::uint32_t>(problem.q.dtype)},
                        {"HEAD_DIM", problem.options.head_dim},
                        {"SCORE", problem.score},
                        {"SUBGROUPS", b.subgroups},
                        {"PARTS", b.parts},
                        {"BLOCK_COLUMNS", b.columns},
                        {"COOP_M", b.shape.m},
                        {"COOP_N", b.shape.n},
                        {"COOP_K", b.shape.k}};
  dispatch.subgroup = graph.caps().subgroup_size;
  return dispatch;
}

void forward(Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
  Dispatch dispatch = launch(graph, problem, "forward", problem.options.heads);
  dispatch.push = problem.push({problem.q, problem.k, problem.v, result.y, result.lse, problem.options.sinks});
  dispatch.cut = cut_attention_forward(problem, 6);
  dispatch.cost = attention_forward_cost(problem);
  graph.dispatch(std::move(dispatch));
}

void backward(Graph& graph, const AttentionProblem& problem, const AttentionGradients& g) {
  Dispatch queries = launch(graph, problem, "backward_q", problem.options.heads);
  queries.push = problem.push({problem.q, problem.k, problem.v, g.y, g.dy, g.lse, g.delta, g.dq});
  queries.cut = cut_attention_backward_q(problem, 8);
  queries.cost = attention_backward_q_cost(problem);
  graph.dispatch(std::move(queries));
  Dispatch keys = launch(graph, problem, "backward_kv", problem.options.kv_heads);
  keys.push = problem.push({problem.q, problem.k, problem.v, g.dy, g.lse, g.delta, g.dk, g.dv});
  keys.cut = cut_attention_backward_kv(problem);
  keys.cost = attention_backward_kv_cost(problem);
  graph.dispatch(std::move(keys));
}

const AttentionKernels::Registration registration("coopmat", {runs, rank, forward, backward});

}  // namespace
}  // namespace ablate
