#include "experiment/run/bigram_probe.h"

#include "ops/attention_statistics.h"
#include "ops/largest_token.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ablate {

void BigramProbe::begin(const TransformerConfig&, std::uint32_t, std::uint32_t) { sinks_.clear(); }

void BigramProbe::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (hook.site != Site::final_norm) return;
  const Tensor first = graph.constant("the first token", {x.dim(0), 1}, std::vector<float>(x.dim(0)));  // the bits of 0.0 are those of 0
  first_hidden_ = graph.keep(take_tokens(graph, x, first));
}

void BigramProbe::attention(Graph& graph, const AttentionCall& call) {
  const std::uint32_t first_token = call.options.k_bias ? 1 : 0;
  const auto layer = static_cast<std::size_t>(call.index);
  sinks_[layer] = graph.keep(key_weights(graph, call.q, call.k, call.lse, call.options, first_token));
  sink_.resize(std::max(sink_.size(), layer + 1));
}

void BigramProbe::collect(Executor& executor, const ProbeBatch& batch) {
  for (const auto& [layer, tensor] : sinks_) {
    const std::vector<float> weights = executor.read_floats(tensor);
    const std::uint32_t heads = tensor.dim(1);
    for (std::size_t at = 0; at < weights.size(); ++at) {
      const std::size_t t = at % batch.tokens, row = at / batch.tokens / heads;
      if (!task_.is_trigger(batch.ids[row * batch.tokens + t])) sink_[layer].add(static_cast<double>(weights[at]));
    }
  }
  collect_risks(executor, batch);
}

// A parameter times a vector, with the parameter as the forward pass reads it.
std::vector<double> BigramProbe::product(const std::string& parameter, const std::vector<double>& x) const {
  const std::vector<float> matrix = weights_->read(parameter);
  const DType type = weights_->type(weights_->entry(parameter));
  std::vector<double> y(matrix.size() / x.size());
  for (std::size_t i = 0; i < y.size() * x.size(); ++i) y[i / x.size()] += static_cast<double>(round_to(type, matrix[i])) * x[i % x.size()];
  return y;
}

// Of a token's state after the final norm, (D), with all that the forward pass does to it.
std::vector<double> BigramProbe::log_probabilities(const std::vector<double>& normed) const {
  const TransformerConfig& config = weights_->config();
  const std::vector<double> hidden = config.embedding_dim > 0 ? product("model.project_out.weight", normed) : normed;
  std::vector<double> logits = product(config.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight", hidden);
  if (const double cap = config.logit_softcap; cap > 0)
    for (double& logit : logits) logit = cap * std::tanh(logit / cap);
  const double largest = *std::max_element(logits.begin(), logits.end());
  const double sum =
      std::accumulate(logits.begin(), logits.end(), 0.0, [&](double before, double logit) { return before + std::exp(logit - largest); });
  for (double& logit : logits) logit -= largest + std::log(sum);
  return logits;
}

// The target is one draw from the oracle's distribution. Its own log-probability is a control variate: loss + log P(target) + H has the
// mean of the cross-entropy against the oracle, and hardly the draw's noise. After <s> it is a draw from another distribution: there the
// cross-entropy is summed over the vocabulary, once for all sequences, which begin alike.
void BigramProbe::collect_risks(Executor& executor, const ProbeBatch& batch) {
  const std::vector<float> losses = executor.read_floats(losses_);
  const std::vector<float> hidden = executor.read_floats(first_hidden_);
  std::vector<double> oracle(static_cast<std::size_t>(task_.vocabulary_size())), after_bos;
  for (std::size_t at = 0; at < losses.size(); ++at) {
    if (batch.targets[at] < 0) continue;
    const std::size_t row = at / batch.tokens, t = at % batch.tokens;
    task_.oracle(batch.ids + row * batch.tokens, static_cast<std::int64_t>(t), oracle);
    double entropy = 0;
    for (const double p : oracle) entropy -= p > 0 ? p * std::log(p) : 0;
    double risk = static_cast<double>(losses[at]);
    if (t == 0 && batch.ids[at] == task_.bos()) {
      if (after_bos.empty()) after_bos = log_probabilities({hidden.begin(), hidden.begin() + first_hidden_.dim(-1)});
      risk = -std::inner_product(oracle.begin(), oracle.end(), after_bos.begin(), 0.0);
    } else if (const double drawn = oracle[static_cast<std::size_t>(batch.targets[at])]; drawn > 0) {
      risk += std::log(drawn) + entropy;
    }
    const bool trigger = task_.is_trigger(batch.ids[at]);
    (trigger ? backcopy_ : bigram_).add(risk);
    if (!trigger) entropy_.add(entropy);
  }
}

void BigramProbe::finish(Metrics& metrics) {
  set_mean(metrics, "backcopy_loss", backcopy_);
  set_mean(metrics, "bigram_loss", bigram_);
  set_mean(metrics, "bigram_entropy", entropy_);
  if (sink_.size() == 1) set_mean(metrics, "sink_attention", sink_[0]);
  else set_means(metrics, "sink_attention", sink_);
}

}  // namespace ablate
