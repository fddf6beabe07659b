// What Guo et al. 2024 (arXiv 2410.13835) measure on the bigram-backcopy task.
#pragma once

#include "model/weights.h"
#include "probe/mean.h"
#include "probe/probe.h"
#include "train/data/bigram_task.h"

#include <map>

namespace ablate {

/// Metrics:
///   backcopy_loss, bigram_loss   cross-entropy against the oracle at trigger and at other positions (nats; bigram_loss includes the bigram's entropy)
///   bigram_entropy               the least bigram_loss there is
///   sink_attention               per attention block: weight on key 0 over all sequences, heads and non-trigger queries
/// Each is absent where it has nothing to be measured on (a task without triggers has no backcopy_loss).
///
/// After <s> the oracle is pi, as published, although the data's second token is never a trigger: a model that has learned the data's own
/// distribution there pays for it, and bigram_loss stays a little above bigram_entropy.
class BigramProbe : public Probe {
 public:
  explicit BigramProbe(const BigramTask& task) : task_(task) {}

  void model(Pipelines&, const Weights& weights) override { weights_ = &weights; }
  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const Hook& hook, const Tensor& x) override;
  void attention(Graph& graph, const AttentionCall& call) override;
  void losses(Graph& graph, const Tensor& losses) override { losses_ = graph.keep(losses); }
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics& metrics) override;
  MetricNames yields() const override { return names(); }
  static MetricNames names() {
    return {.numbers = {"backcopy_loss", "bigram_loss", "bigram_entropy", "sink_attention"}, .lists = {"sink_attention"}};
  }

 private:
  void collect_risks(Executor& executor, const ProbeBatch& batch);
  std::vector<double> product(const std::string& parameter, const std::vector<double>& x) const;
  std::vector<double> log_probabilities(const std::vector<double>& normed) const;

  const BigramTask& task_;
  const Weights* weights_ = nullptr;
  Tensor losses_;
  Tensor first_hidden_;                  // (B, D): the first token's, after the final norm
  std::map<std::size_t, Tensor> sinks_;  // (B, H, T) per attention block: weight of every query on key 0
  std::vector<Mean> sink_;               // per attention block
  Mean backcopy_, bigram_, entropy_;
};

}  // namespace ablate
