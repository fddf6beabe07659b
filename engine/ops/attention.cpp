#include "ops/attention.h"

#include "ops/attention_kernel.h"
#include "ops/sum_rows.h"

namespace ablate {
namespace {

const AttentionKernel& choose(const Caps& caps, const AttentionProblem& problem) {
  const std::string& wanted = problem.options.kernel;
  if (!wanted.empty()) {
    const AttentionKernel& kernel = AttentionKernels::find("attention kernel", wanted);
    require(kernel.runs(caps, problem), "attention kernel {} cannot run {} heads of {} in {} on {}", wanted, problem.options.heads,
            problem.options.head_dim, name_of(problem.q.dtype), caps.device_name);
    return kernel;
  }
  const AttentionKernel* best = nullptr;
  for (const auto& [name, kernel] : AttentionKernels::all())
    if ((!best || kernel.rank(caps) > best->rank(caps)) && kernel.runs(caps, problem)) best = &kernel;
  require(best != nullptr, "no attention kernel runs on {}", caps.device_name);
  return *best;
}

Tensor sink_gradient(Graph& graph, const AttentionProblem& problem, const Tensor& lse, const Tensor& delta) {
  const Tensor& sinks = problem.options.sinks;
  const std::uint32_t chunks = row_chunks(problem.tokens), heads = problem.options.heads;
  const Tensor partial = graph.tensor({dimension(std::uint64_t{problem.batch} * chunks, "attention: parts"), heads}, DType::f32);
  graph.dispatch({.shader = "attention/sink_gradient",
                  .push = {lse, delta, sinks, partial, problem.batch, problem.tokens, heads, chunks},
                  .cut = problem.cut({{0, problem.row_elements()}, {1, problem.row_elements()}, {3, std::uint64_t{chunks} * heads}}, 4),
                  .items = partial.size(),
                  .cost = {.flop = 3.0 * static_cast<double>(lse.size()), .bytes = 2.0 * static_cast<double>(lse.bytes())}});
  return sum_rows(graph, partial);
}

/// Gradients of k_bias and v_bias (empty when there is none).
std::vector<Tensor> learned_key_gradients(Graph& graph, const AttentionProblem& problem, const AttentionGradients& gradients) {
  const AttentionOptions& o = problem.options;
  const std::uint64_t each = (std::uint64_t{problem.tokens} + 255) / 256 * (o.heads / o.kv_heads),
                      q = problem.query_elements();  // of a sequence
  const std::uint32_t rows = dimension(problem.batch * each, "attention: parts"), columns = o.kv_heads * o.head_dim;
  const Tensor dk = graph.tensor({rows, columns}, DType::f32), dv = o.v_bias ? graph.tensor({rows, columns}, DType::f32) : Tensor();
  graph.dispatch(
      {.shader = problem.kernel("attention/learned_key_gradient"),
       .push = {problem.q, gradients.dy, gradients.lse, gradients.delta, o.k_bias, o.v_bias, dk, dv, problem.batch, problem.tokens, o.heads,
                o.kv_heads, problem.scale()},
       .cut = problem.cut(
           {{0, q}, {1, q}, {2, problem.row_elements()}, {3, problem.row_elements()}, {6, each * columns}, {7, each * columns}}, 8),
       .rows = std::uint64_t{rows} * o.kv_heads,
       .constants = problem.constants(),
       .cost = {.flop = 8.0 * static_cast<double>(problem.q.size()), .bytes = 2.0 * static_cast<double>(problem.q.bytes())}});
  std::vector<Tensor> sums;
  for (const Tensor& partial : {dk, dv}) {
    Tensor sum = partial ? sum_rows(graph, partial) : Tensor();
    if (sum) sum.shape = o.k_bias.shape;
    sums.push_back(sum);
  }
  return sums;
}

std::vector<Tensor> gradients_of(Graph& graph, const AttentionKernel& kernel, const AttentionProblem& problem,
                                 const AttentionResult& result, const Tensor& dy) {
  require(!problem.options.masked_keys, "attention: there is no gradient with masked_keys");
  require(!problem.keeps_first(), "attention: there is no gradient with keep_first");
  if (problem.user) problem.user->require_backward();
  const AttentionOptions& o = problem.options;
  const AttentionGradients gradients{
      result.y, result.lse, dy, graph.like(result.lse), graph.like(problem.q), graph.like(problem.k), graph.like(problem.v)};
  kernel.backward(graph, problem, gradients);
  std::vector<Tensor> all = {gradients.dq, gradients.dk, gradients.dv};
  if (o.sinks) all.push_back(graph.wants_gradient(o.sinks) ? sink_gradient(graph, problem, result.lse, gradients.delta) : Tensor());
  if (!o.k_bias) return all;
  const bool wanted = graph.wants_gradient(o.k_bias) || (o.v_bias && graph.wants_gradient(o.v_bias));
  const std::vector<Tensor> learned = wanted ? learned_key_gradients(graph, problem, gradients) : std::vector<Tensor>(2);
  all.push_back(learned[0]);
  if (o.v_bias) all.push_back(learned[1]);
  return all;
}

double bytes_of(const AttentionProblem& problem) {
  return 2.0 * static_cast<double>(problem.q.bytes()) + 2.0 * static_cast<double>(problem.k.bytes());
}

}  // namespace

Cut cut_attention_forward(const AttentionProblem& p, std::uint32_t batch) {
  const std::uint64_t q = p.query_elements(), kv = p.key_elements();
  std::vector<Cut::Share> shares = {{0, q}, {1, kv}, {2, kv}, {3, q}, {4, p.row_elements()}};
  if (p.known_lse) shares.push_back({batch - 1, p.row_elements()});
  return p.cut(std::move(shares), batch);
}

Cut cut_attention_backward_q(const AttentionProblem& p, std::uint32_t batch) {
  const std::uint64_t q = p.query_elements(), kv = p.key_elements(), rows = p.row_elements();
  return p.cut({{0, q}, {1, kv}, {2, kv}, {3, q}, {4, q}, {5, rows}, {6, rows}, {7, q}}, batch);
}

Cut cut_attention_backward_kv(const AttentionProblem& p) {
  const std::uint64_t q = p.query_elements(), kv = p.key_elements(), rows = p.row_elements();
  return p.cut({{0, q}, {1, kv}, {2, kv}, {3, q}, {4, rows}, {5, rows}, {6, kv}, {7, kv}}, 8);
}

Cost attention_forward_cost(const AttentionProblem& problem) {
  return {4.0 * problem.pairs() * problem.options.head_dim, bytes_of(problem)};
}

Cost attention_backward_q_cost(const AttentionProblem& problem) {
  return {2.0 * problem.pairs() * problem.options.head_dim, bytes_of(problem) + 2.0 * static_cast<double>(problem.q.bytes())};
}

Cost attention_backward_kv_cost(const AttentionProblem& problem) {
  return {8.0 * problem.pairs() * problem.options.head_dim, bytes_of(problem) + 2.0 * static_cast<double>(problem.k.bytes())};
}

// Lets the queries see the first keys that the window has left behind: their weights and values join what there is.
static void add_first_keys(Graph& graph, const AttentionProblem& problem, const AttentionResult& result) {
  const AttentionOptions& o = problem.options;
  auto push = problem.push({o.first_q, problem.k, problem.v, result.y, result.lse, o.masked_keys});
  push.push_back(o.keep_first);
  const double pairs = static_cast<double>(result.lse.size()) * o.keep_first;
  graph.dispatch({.shader = problem.kernel("attention/first_keys"),
                  .push = std::move(push),
                  .cut = problem.cut({{0, problem.query_elements()},
                                      {1, problem.key_elements()},
                                      {2, problem.key_elements()},
                                      {3, problem.query_elements()},
                                      {4, problem.row_elements()}},
                                     6),
                  .rows = result.lse.size(),
                  .constants = problem.masked_constants({{"LANES", graph.caps().subgroup_size}}),
                  .cost = {.flop = 4.0 * pairs * o.head_dim, .bytes = 3.0 * static_cast<double>(problem.q.bytes())}});
}

// A pass of its own, whose outputs nobody reads: what is clipped is relative to all the scores.
static Tensor log_sum_exp(Graph& graph, const AttentionProblem& problem, const AttentionKernel& kernel) {
  const AttentionResult result{graph.like(problem.q), graph.tensor({problem.batch, problem.options.heads, problem.tokens}, DType::f32)};
  kernel.forward(graph, problem.unclipped(), result);
  return result.lse;
}

AttentionResult attention(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  require(static_cast<bool>(v), "attention: there are no values");
  AttentionProblem problem(q, k, v, options);
  const AttentionKernel& kernel = choose(graph.caps(), problem);
  const AttentionResult result{graph.like(q), graph.tensor({problem.batch, options.heads, problem.tokens}, DType::f32)};
  if (problem.clipped()) problem.known_lse = log_sum_exp(graph, problem, kernel);
  kernel.forward(graph, problem, result);
  if (problem.keeps_first()) add_first_keys(graph, problem, result);
  std::vector<Tensor> inputs = {q, k, v};
  for (const Tensor& extra : {options.sinks, options.k_bias, options.v_bias})
    if (extra) inputs.push_back(extra);
  graph.differentiable(result.y, inputs, [=, &kernel](Graph& g, const Tensor& dy) { return gradients_of(g, kernel, problem, result, dy); });
  return result;
}

Tensor attention_map(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options) {
  const AttentionProblem problem(q, k, {}, options);
  const Tensor map = graph.tensor({problem.batch, options.heads, problem.tokens, attention_columns(q, options)}, DType::f32);
  graph.dispatch(
      {.shader = problem.kernel("attention/map"),
       .push = problem.weight_push({map}, lse),
       .cut = problem.cut({{0, problem.query_elements()},
                           {1, problem.key_elements()},
                           {2, problem.row_elements()},
                           {5, problem.query_elements()},
                           {6, problem.row_elements() * map.dim(3)}},
                          7),
       .items = map.size(),
       .constants = problem.weight_constants(),
       .cost = {.flop = 2.0 * problem.pairs() * options.head_dim, .bytes = static_cast<double>(q.bytes() + k.bytes() + map.bytes())}});
  return map;
}

}  // namespace ablate
