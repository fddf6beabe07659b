// Attention, forward and backward, and the sink statistics that are recomputed from its log-sum-exp. FLOP are those of the pairs that a
// query sees: 4 d per pair forward, 10 d backward.
#include "experiment/bench/bench.h"
#include "ops/attention_statistics.h"

#include <algorithm>

namespace ablate {
namespace {

struct Problem {
  std::uint32_t batch, tokens, heads, kv_heads, head_dim;
  DType type;

  AttentionOptions options() const { return {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim}; }
  Shape queries() const { return {batch, tokens, heads * head_dim}; }
  Shape keys() const { return {batch, tokens, kv_heads * head_dim}; }
  std::string name() const {
    const std::string all = kv_heads == heads ? "" : fmt::format("/{}", kv_heads);
    return fmt::format("{}x{} {}{} heads of {} {}", batch, tokens, heads, all, head_dim, name_of(type));
  }
};

BenchCase forward(const Problem& p) {
  return {"attention", p.name(), [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
            const Tensor q = inputs.floats(p.queries(), p.type), k = inputs.floats(p.keys(), p.type), v = inputs.floats(p.keys(), p.type);
            return [=, &graph] {
              const AttentionResult result = attention(graph, q, k, v, p.options());
              return std::vector{result.y, result.lse};
            };
          }};
}

BenchCase backward(const Problem& p) {
  return {"attention", p.name() + " backward", [=](Graph& graph, BenchInputs& inputs) {
            const Tensor q = inputs.activations(p.queries(), p.type), k = inputs.activations(p.keys(), p.type),
                         v = inputs.activations(p.keys(), p.type);
            return backward_body(graph, inputs, attention(graph, q, k, v, p.options()).y);
          }};
}

using Statistic = std::function<std::vector<Tensor>(Graph&, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions&)>;

BenchCase statistic(const Problem& p, const std::string& what, const Statistic& measured) {
  return {"sinks", p.name() + " " + what, [=](Graph& graph, BenchInputs& inputs) -> BenchBody {
            const Tensor q = inputs.floats(p.queries(), p.type), k = inputs.floats(p.keys(), p.type), v = inputs.floats(p.keys(), p.type);
            const Tensor lse = attention(graph, q, k, v, p.options()).lse;
            return [=, &graph] { return measured(graph, q, k, lse, p.options()); };
          }};
}

// What a probe measures of every head: the importance of a sequence's first 64 tokens, cut there, and the weight on the first of them.
std::vector<Tensor> probed(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options) {
  return {importance(graph, q, k, lse, options, std::min(64u, q.dim(1)), true, 64), key_mass(graph, q, k, lse, options, {0})};
}

std::vector<Tensor> uncut(Graph& graph, const Tensor& q, const Tensor& k, const Tensor& lse, const AttentionOptions& options) {
  return {importance(graph, q, k, lse, options, std::min(64u, q.dim(1)))};
}

std::vector<Problem> problems(const Caps& caps) {
  if (caps.is_cpu()) return {{8, 64, 1, 1, 64, DType::f32}, {1, 256, 4, 4, 64, DType::f32}, {1, 256, 8, 2, 128, DType::f32}};
  std::vector<Problem> all = {{64, 64, 1, 1, 64, DType::f32}, {512, 256, 1, 1, 256, DType::f32}};  // the quickstart, bigram-backcopy
  for (const DType type : activation_types(caps)) {
    all.push_back({4, 4096, 32, 32, 128, type});
    all.push_back({128, 256, 4, 4, 64, type});  // a 7M model
    all.push_back({16, 1024, 8, 8, 64, type});  // a 60M model
    all.push_back({2, 4096, 32, 4, 64, type});  // a 1.1B model with grouped queries
    for (const std::uint32_t head_dim : {8u, 16u, 32u, 64u, 80u, 96u, 128u, 256u}) all.push_back({4, 2048, 16, 16, head_dim, type});
  }
  return all;
}

std::vector<BenchCase> attention_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const Problem& p : problems(caps)) {
    all.push_back(forward(p));
    all.push_back(backward(p));
  }
  return all;
}

std::vector<BenchCase> statistic_cases(const Caps& caps) {
  std::vector<BenchCase> all;
  for (const Problem& p : problems(caps)) {
    all.push_back(statistic(p, "as a probe", probed));
    all.push_back(statistic(p, "importance of 64 keys", uncut));
  }
  return all;
}

const BenchRegistration registrations[] = {{"attention", attention_cases}, {"sinks", statistic_cases}};

}  // namespace
}  // namespace ablate
