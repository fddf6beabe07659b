// What Guo et al. 2024 (arXiv 2410.13835) measure on the bigram-backcopy task.
#pragma once

#include "probe/probe.h"
#include "train/data/bigram_task.h"

namespace ablate {

/// Metrics:
///   backcopy_loss, bigram_loss   cross-entropy against the oracle at trigger and at other positions (nats; bigram_loss includes the bigram's entropy)
///   bigram_entropy               the least bigram_loss there is
///   sink_attention               per attention block: weight on key 0 over all sequences, heads and non-trigger queries
class BigramProbe : public Probe {
 public:
  explicit BigramProbe(const BigramTask& task) : task_(task) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void attention(Graph& graph, const AttentionCall& call) override;
  void losses(Graph& graph, const Tensor& losses) override { losses_ = graph.keep(losses); }
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics& metrics) override;

 private:
  struct Mean {
    double sum = 0, count = 0;
    double value() const { return count > 0 ? sum / count : 0; }
  };
  void collect_risks(Executor& executor, const ProbeBatch& batch);

  const BigramTask& task_;
  Tensor losses_;
  std::vector<Tensor> sinks_;  // (B, H, T): weight of every query on key 0
  std::vector<Mean> sink_;     // per attention block
  Mean backcopy_, bigram_, entropy_;
};

}  // namespace ablate
