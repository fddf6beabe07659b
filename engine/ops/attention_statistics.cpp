#include "ops/attention_statistics.h"

#include "ops/attention_problem.h"

#include <algorithm>

namespace ablate {
namespace {

Tensor mean_weight(Graph& graph, const AttentionProblem& problem, const Tensor& lse, const Tensor& keys, std::uint32_t count,
                   bool only_causal, bool proxy, std::uint32_t length = 0) {
  const Tensor y = graph.tensor({problem.batch, problem.options.heads, count}, DType::f32);
  auto push = problem.weight_push({keys, y}, lse);
  push.push_back(count);
  push.push_back(length > 0 ? std::min(length, problem.q.dim(1)) : problem.q.dim(1));
  graph.dispatch({.shader = problem.kernel("attention/key_mass"),
                  .push = push,
                  .cut = problem.cut({{0, problem.query_elements()},
                                      {1, problem.key_elements()},
                                      {2, problem.row_elements()},
                                      {5, problem.query_elements()},
                                      {7, std::uint64_t{problem.options.heads} * count}},
                                     8),
                  .rows = y.size(),
                  .constants = problem.weight_constants(
                      {{"ONLY_CAUSAL", only_causal}, {"LISTED", bool(keys)}, {"PROXY", proxy && !problem.normalised()}}),
                  .cost = {.flop = 2.0 * static_cast<double>(problem.q.size()) * count,
                           .bytes = static_cast<double>(problem.q.bytes() + lse.bytes() + y.bytes())}});
  return y;
}

}  // namespace

Tensor key_mass(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options,
                const std::vector<std::uint32_t>& keys) {
  const AttentionProblem problem(q, k, {}, options);
  for (const std::uint32_t key : keys)
    require(key < attention_columns(q, options), "key_mass: there is no key {} of {}", key, attention_columns(q, options));
  const std::uint32_t count = dimension(keys.size(), "key_mass: keys");
  const Tensor columns = graph.constant("keys", {count}, std::vector<float>(keys.begin(), keys.end()));
  return mean_weight(graph, problem, lse, columns, count, false, false);
}

Tensor importance(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options, std::uint32_t keys,
                  bool proxy, std::uint32_t length) {
  const AttentionProblem problem(q, k, {}, options);
  require(keys > 0 && keys <= attention_columns(q, options), "importance: there are no {} keys among {}", keys,
          attention_columns(q, options));
  return mean_weight(graph, problem, lse, {}, keys, true, proxy, length);
}

Tensor key_weights(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options, std::uint32_t key) {
  const AttentionProblem problem(q, k, {}, options);
  require(key < attention_columns(q, options), "key_weights: there is no key {} of {}", key, attention_columns(q, options));
  const Tensor y = graph.tensor({problem.batch, options.heads, q.dim(1)}, DType::f32);
  auto push = problem.weight_push({y}, lse);
  push.push_back(key);
  graph.dispatch({.shader = problem.kernel("attention/key_weights"),
                  .push = push,
                  .cut = problem.cut({{0, problem.query_elements()},
                                      {1, problem.key_elements()},
                                      {2, problem.row_elements()},
                                      {5, problem.query_elements()},
                                      {6, problem.row_elements()}},
                                     7),
                  .items = y.size(),
                  .constants = problem.weight_constants(),
                  .cost = {.flop = 2.0 * static_cast<double>(problem.q.size()),
                           .bytes = static_cast<double>(problem.q.bytes() + lse.bytes() + y.bytes())}});
  return y;
}

}  // namespace ablate
