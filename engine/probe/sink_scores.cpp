#include "probe/sink_scores.h"

#include "ops/attention_statistics.h"

#include <algorithm>
#include <cmath>

namespace ablate {

void SinkScores::begin(const TransformerConfig& config, std::uint32_t, std::uint32_t) {
  heads_ = static_cast<std::size_t>(config.n_heads);
  calls_.clear();
}

void SinkScores::attention(Graph& graph, const AttentionCall& call) {
  const std::uint32_t first_token = call.options.k_bias ? 1 : 0;
  calls_[static_cast<std::size_t>(call.index)] = graph.keep(key_mass(graph, call.q, call.k, call.lse, call.options, {first_token}));
}

void SinkScores::collect(Executor& executor, const ProbeBatch&) {
  for (const auto& [layer, call] : calls_) {
    const std::vector<float> mass = executor.read_floats(call);
    std::vector<Mean>& means = means_[layer];
    means.resize(heads_);
    for (std::size_t i = 0; i < mass.size(); ++i) means[i % heads_].add(static_cast<double>(mass[i]));
  }
}

std::vector<SinkScores::Head> SinkScores::heads() const {
  std::vector<Head> list;
  for (const auto& [layer, means] : means_)
    for (std::size_t head = 0; head < means.size(); ++head)
      list.push_back({static_cast<int>(layer), static_cast<int>(head), means[head].value()});
  return list;
}

// A weight is exp(logit - lse) of f32 numbers: logits of 200 are off by 200 * 2^-24 = 1.2e-5, and so are weights, in proportion. Eight times
// that is taken for rounding.
static SinkScores::Head best(const std::vector<SinkScores::Head>& heads, double sign) {
  constexpr double rounding = 1e-4;
  double score = sign * heads.front().score;
  for (const SinkScores::Head& head : heads) score = std::max(score, sign * head.score);
  const double least = score - rounding * std::abs(score);
  return *std::find_if(heads.begin(), heads.end(), [&](const SinkScores::Head& head) { return !(sign * head.score < least); });
}

SinkScores::Head SinkScores::strongest(const std::vector<Head>& heads) { return best(heads, 1); }
SinkScores::Head SinkScores::weakest(const std::vector<Head>& heads) { return best(heads, -1); }

}  // namespace ablate
