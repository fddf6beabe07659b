// Which tokens carry the spike, and which blocks make and unmake it: what other probes need to know before they look closer.
#pragma once

#include "probe/spikes.h"

#include <map>
#include <vector>

namespace ablate {

/// A spike token's largest |h|, over the residual states, is at least `step_share` (a half) of the largest of the whole evaluation.
class SpikeTokens {
 public:
  explicit SpikeTokens(const ProbeSettings& settings) : settings_(settings), spikes_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens);
  void at(Graph& graph, const Hook& hook, const Tensor& x);
  void collect(Executor& executor, const ProbeBatch& batch);
  /// After all runs.
  void finish();

  std::uint32_t tokens() const { return tokens_; }
  /// Every token of every sequence, (N, T).
  const std::vector<float>& largest() const { return largest_; }
  bool is_spike(std::size_t token) const { return static_cast<double>(largest_[token]) >= settings_.step_share * spikes_.spike().value; }
  std::vector<std::size_t> spike_tokens() const;

  const SpikeProbe::Spike& spike() const { return spikes_.spike(); }
  const std::vector<int>& step_up_blocks() const { return spikes_.step_up_blocks(); }
  const std::vector<int>& step_down_blocks() const { return spikes_.step_down_blocks(); }
  /// The first step-up block; the strongest where the rule finds none (SpikeProbe).
  int step_up_block() const;
  /// Both kinds of step blocks that write through a feed-forward, at the number of its layer.
  std::vector<FigureMark> feed_forward_marks() const;

 private:
  ProbeSettings settings_;
  SpikeProbe spikes_;
  std::uint32_t tokens_ = 0;
  std::map<int, Tensor> states_;  // (B * T, 1)
  std::vector<float> largest_;
};

}  // namespace ablate
