#include "probe/masked_keys.h"

#include "ops/attention_statistics.h"

#include <algorithm>

namespace ablate {
namespace {

// 1 where a key of a head is hidden, (heads, tokens).
struct Table {
  std::uint32_t heads, tokens;
  std::vector<float> hidden = std::vector<float>(std::size_t{heads} * tokens);

  void add(const CutIn& cut) {
    for (std::uint32_t head = 0; head < heads; ++head) {
      const bool chosen = cut.heads.empty() || std::find(cut.heads.begin(), cut.heads.end(), head) != cut.heads.end();
      for (const std::uint32_t key : cut.keys)
        if (chosen) hidden[std::size_t{head} * tokens + key] = 1;
    }
  }
};

// The weights of `call` with and without the keys of `cut`, its log-sum-exps as they are: what differs is what the cut takes away.
void watch(Graph& graph, const AttentionCall& call, const AttentionOptions& masked, const CutIn& cut, Changes& changes) {
  for (const std::uint32_t key : cut.keys) {
    const std::uint32_t column = key + (masked.k_bias ? 1 : 0);  // a learned key comes first
    const auto weights = [&](const AttentionOptions& options) { return key_weights(graph, call.q, call.k, call.lse, options, column); };
    changes.watch(graph, cut.intervention, weights(call.options), weights(masked));
  }
}

void run(Graph& graph, AttentionCall& call, const AttentionOptions& options) {
  const AttentionResult result = attention(graph, call.q, call.k, call.v, options);
  call.y = result.y, call.lse = result.lse, call.options = options;
}

}  // namespace

void mask_keys(Graph& graph, AttentionCall& call, const std::vector<CutIn>& cuts, Changes& changes) {
  const bool simple = cuts.size() == 1 && cuts[0].keys.size() == 1 && cuts[0].heads.empty();
  Table table{call.options.heads, call.q.dim(1)};
  for (const CutIn& cut : cuts) {
    AttentionOptions masked = call.options;
    if (simple) {  // all kernels know a key that is hidden from all heads
      masked.masked_key = static_cast<std::int32_t>(cut.keys[0]);
    } else {
      table.add(cut);
      masked.masked_keys = graph.constant("masked keys", {table.heads, table.tokens}, table.hidden);
    }
    watch(graph, call, masked, cut, changes);
    run(graph, call, masked);
  }
}

}  // namespace ablate
