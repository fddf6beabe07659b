// Massive activations: the largest |h| of every residual state, where it is, and the blocks that make and unmake it.
#pragma once

#include "ops/statistics/top_entries.h"
#include "probe/mean.h"
#include "probe/probe.h"

#include <map>

namespace ablate {

/// Metrics:
///   spike            max |h| over the residual states, all tokens and channels
///   spike_per_state  the same for every state, embedding first
///   spike_after_layers   the same over the states after whole layers, which is where others look
///   spike_token, spike_sequence, spike_state   where the spike is
///   spike_channels   all channels of the spike's token there that reach a tenth of the spike, largest first
///   top_per_state    (states, k): the k largest |h| of a sequence's state, mean over sequences (Sun et al. 2024, arXiv 2402.17762)
///   top_per_block    (blocks, k): the same of the blocks' outputs; NaN for a block that an intervention leaves out
///   block_top        the largest |output| of every block, all sequences; NaN for a block that is left out
///   blocks_per_state 2, where both blocks of a layer are added to the residual stream at once; else absent
///   step_up_blocks, step_down_blocks   absent where the spike is NaN
///
/// Of entries as large as the spike the one in the first state, then the first sequence, is it; NaN counts as larger than infinity.
/// Rule for the last two: a block is a step block when its output's largest entry (of any sequence) is at least `step_share` (a half) of
/// the spike (and not 0, as that of a block which was removed is). It steps up when adding it raised |h| at that entry, and down when it lowered it.
class SpikeProbe : public Probe {
 public:
  explicit SpikeProbe(const ProbeSettings& settings) : settings_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override;
  void at(Graph& graph, const Hook& hook, const Tensor& x) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics& metrics) override;
  MetricNames yields() const override;

  struct Spike {
    double value = 0;
    int state = 0, sequence = 0, token = 0;
    std::vector<int> channels{};
  };
  const Spike& spike() const { return spike_; }
  const std::vector<int>& step_up_blocks() const { return step_up_; }
  const std::vector<int>& step_down_blocks() const { return step_down_; }
  /// Blocks to act on in a model without spikes: where the rule finds none, the block that raised (lowered) its largest entry by the most;
  /// the first (last) block of all where none did.
  std::vector<int> step_up_or_strongest() const { return step_up_.empty() ? std::vector{strongest_up_} : step_up_; }
  std::vector<int> step_down_or_strongest() const { return step_down_.empty() ? std::vector{strongest_down_} : step_down_; }

 private:
  struct StateTensors {
    TopEntries top;  // (B, k)
    Tensor token;    // (B, C): the token with the largest entry
  };
  struct BlockTensors {
    TopEntries top;                // (B, k)
    Tensor before, output, after;  // (B, k): h, the block's output and their sum at the top entries
  };
  struct Step {
    double size = 0;
    bool up = false;
  };
  void collect_state(Executor& executor, const ProbeBatch& batch, int state);
  bool takes_over(double value, int state, int sequence) const;

  ProbeSettings settings_;
  int per_state_ = 1;          // blocks between one residual state and the next
  std::size_t per_layer_ = 1;  // states that a layer makes
  std::uint32_t rows_ = 0;
  std::map<int, StateTensors> states_;
  std::map<int, BlockTensors> blocks_;
  Tensor previous_;  // the residual state before the block at hand

  bool any_ = false;  // spike_ is one
  std::vector<double> spike_per_state_;
  std::vector<std::vector<Mean>> top_per_state_, top_per_block_;  // over sequences
  std::map<int, std::vector<Step>> steps_;                        // per block, one per sequence
  Spike spike_;
  std::vector<int> step_up_, step_down_;
  int strongest_up_ = 0, strongest_down_ = 0;
};

}  // namespace ablate
