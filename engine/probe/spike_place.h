// Where the intact model's spike is, for interventions that act there.
#pragma once

#include "probe/probe.h"

namespace ablate {

/// The largest |h| of all residual states, its position, and all channels of that token of at least a tenth of it, the largest first. (The metric
/// spike_channels lists no more than [probe] top_k of them; an edit does not depend on what is listed.)
class SpikePlace : public Probe {
 public:
  struct Spike {
    float value = 0;
    int token = 0;
    std::vector<int> channels;
  };

  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override { states_.clear(); }
  void at(Graph& graph, const Hook& hook, const Tensor& x) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics&) override {}

  const Spike& spike() const { return spike_; }

 private:
  struct State {
    Tensor token;  // (B, 1): of every sequence the one with the largest |h|
    Tensor row;    // (B, C): its channels
  };
  std::vector<State> states_;
  Spike spike_;
};

}  // namespace ablate
