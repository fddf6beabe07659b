#include "probe/spike_tokens.h"

#include <algorithm>

namespace ablate {

void SpikeTokens::begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) {
  spikes_.begin(config, rows, tokens);
  tokens_ = tokens;
  states_.clear();
}

void SpikeTokens::at(Graph& graph, const Hook& hook, const Tensor& x) {
  spikes_.at(graph, hook, x);
  if (const int state = hook.residual(); state >= 0) states_[state] = graph.keep(top_channels(graph, x, 1).values);
}

void SpikeTokens::collect(Executor& executor, const ProbeBatch& batch) {
  spikes_.collect(executor, batch);
  const std::size_t first = std::size_t{batch.first} * batch.tokens, count = std::size_t{batch.rows} * batch.tokens;
  largest_.resize(std::max(largest_.size(), first + count));
  for (const auto& [state, top] : states_) {
    const std::vector<float> values = executor.read_floats(top);
    for (std::size_t i = 0; i < count; ++i) raise(largest_[first + i], values[i]);
  }
}

void SpikeTokens::finish() {
  Metrics unused;
  spikes_.finish(unused);
}

std::vector<std::size_t> SpikeTokens::spike_tokens() const {
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < largest_.size(); ++i)
    if (is_spike(i)) list.push_back(i);
  return list;
}

int SpikeTokens::step_up_block() const { return spikes_.step_up_or_strongest().front(); }

std::vector<FigureMark> SpikeTokens::feed_forward_marks() const {
  std::vector<FigureMark> marks;
  const auto mark = [&](const std::vector<int>& blocks, const char* label) {
    for (const int block : blocks)
      if (block % 2 == 0) marks.push_back({block / 2.0 - 1, label});
  };
  mark(step_up_blocks(), "step up");
  mark(step_down_blocks(), "step down");
  return marks;
}

}  // namespace ablate
