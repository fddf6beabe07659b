#include "experiment/run/bigram_probe.h"

#include "ops/attention_statistics.h"

#include <algorithm>
#include <cmath>

namespace ablate {

void BigramProbe::begin(const TransformerConfig&, std::uint32_t, std::uint32_t) { sinks_.clear(); }

void BigramProbe::attention(Graph& graph, const AttentionCall& call) {
  const std::uint32_t first_token = call.options.k_bias ? 1 : 0;
  sinks_.push_back(graph.keep(key_weights(graph, call.q, call.k, call.lse, call.options, first_token)));
  sink_.resize(std::max(sink_.size(), sinks_.size()));
}

void BigramProbe::collect(Executor& executor, const ProbeBatch& batch) {
  for (std::size_t i = 0; i < sinks_.size(); ++i) {
    const std::vector<float> weights = executor.read_floats(sinks_[i]);
    const std::uint32_t heads = sinks_[i].dim(1);
    for (std::size_t at = 0; at < weights.size(); ++at) {
      const std::size_t t = at % batch.tokens, row = at / batch.tokens / heads;
      if (task_.is_trigger(batch.ids[row * batch.tokens + t])) continue;
      sink_[i].sum += static_cast<double>(weights[at]);
      ++sink_[i].count;
    }
  }
  collect_risks(executor, batch);
}

// The target is one draw from the oracle's distribution. Its own log-probability is a control variate: loss + log P(target) + H has the
// mean of the cross-entropy against the oracle, and hardly the draw's noise.
void BigramProbe::collect_risks(Executor& executor, const ProbeBatch& batch) {
  const std::vector<float> losses = executor.read_floats(losses_);
  std::vector<double> oracle(static_cast<std::size_t>(task_.vocabulary_size()));
  for (std::size_t at = 0; at < losses.size(); ++at) {
    if (batch.targets[at] < 0) continue;
    const std::size_t row = at / batch.tokens, t = at % batch.tokens;
    task_.oracle(batch.ids + row * batch.tokens, static_cast<std::int64_t>(t), oracle);
    double entropy = 0;
    for (const double p : oracle) entropy -= p > 0 ? p * std::log(p) : 0;
    const double drawn = oracle[static_cast<std::size_t>(batch.targets[at])];
    const double risk = static_cast<double>(losses[at]) + (drawn > 0 ? std::log(drawn) + entropy : 0);
    Mean& mean = task_.is_trigger(batch.ids[at]) ? backcopy_ : bigram_;
    mean.sum += risk, ++mean.count;
    if (&mean == &bigram_) entropy_.sum += entropy, ++entropy_.count;
  }
}

void BigramProbe::finish(Metrics& metrics) {
  std::vector<double> sinks;
  for (const Mean& sink : sink_) sinks.push_back(sink.value());
  metrics.set("backcopy_loss", backcopy_.value());
  metrics.set("bigram_loss", bigram_.value());
  metrics.set("bigram_entropy", entropy_.value());
  if (sinks.size() == 1) metrics.set("sink_attention", sinks[0]);
  else metrics.set("sink_attention", sinks);
}

}  // namespace ablate
