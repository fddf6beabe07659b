#include "probe/spikes.h"

#include "ops/statistics/pick.h"
#include "probe/hook_names.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace ablate {
namespace {

TopEntries keep(Graph& graph, const TopEntries& top) { return {graph.keep(top.values), graph.keep(top.rows), graph.keep(top.channels)}; }

// Keeps the largest of what was seen so far and what was seen now.
void merge_top(std::vector<double>& best, const std::vector<float>& values) {
  const std::size_t k = best.size();
  best.insert(best.end(), values.begin(), values.end());
  std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(k), best.end(), std::greater<>());
  best.resize(k);
}

std::vector<double> as_numbers(const std::vector<int>& list) { return {list.begin(), list.end()}; }

}  // namespace

void SpikeProbe::begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t) {
  rows_ = rows;
  states_.clear();
  blocks_.clear();
  const std::vector<double> none(static_cast<std::size_t>(settings_.top_k));
  top_per_state_.resize(static_cast<std::size_t>(config.blocks()) + 1, none);
  top_per_block_.resize(static_cast<std::size_t>(config.blocks()), none);
}

void SpikeProbe::at(Graph& graph, const std::string& name, const Tensor& x) {
  if (const int block = number_in(name, "block."); block > 0) {
    const TopEntries top = keep(graph, top_entries(graph, top_channels(graph, x, static_cast<std::uint32_t>(settings_.top_k)), rows_));
    blocks_[block] = {top, graph.keep(pick(graph, previous_, top)), graph.keep(pick(graph, x, top)), {}};
  }
  if (const int state = number_in(name, "residual."); state >= 0) {
    const auto k = static_cast<std::uint32_t>(settings_.top_k);
    states_[state] = {keep(graph, top_entries(graph, top_channels(graph, x, k), rows_))};
    if (const auto block = blocks_.find(state); block != blocks_.end()) block->second.after = graph.keep(pick(graph, x, block->second.top));
    previous_ = x;
  }
}

void SpikeProbe::collect_state(Executor& executor, const ProbeBatch& batch, int state) {
  const TopEntries& top = states_.at(state).top;
  const std::vector<float> values = executor.read_floats(top.values);
  const std::vector<std::int32_t> tokens = executor.read_ints(top.rows), channels = executor.read_ints(top.channels);
  const auto k = static_cast<std::size_t>(settings_.top_k);
  merge_top(top_per_state_.at(static_cast<std::size_t>(state)), values);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const float* value = &values[row * k];
    if (!(static_cast<double>(value[0]) > spike_.value)) continue;
    spike_ = {static_cast<double>(value[0]), state, static_cast<int>(batch.first + row), tokens[row * k], {}};
    for (std::size_t i = 0; i < k; ++i)
      if (tokens[row * k + i] == spike_.token && value[i] >= 0.1f * value[0]) spike_.channels.push_back(channels[row * k + i]);
  }
}

void SpikeProbe::collect(Executor& executor, const ProbeBatch& batch) {
  for (const auto& [state, tensors] : states_) collect_state(executor, batch, state);
  for (const auto& [block, tensors] : blocks_) {
    const std::vector<float> output = executor.read_floats(tensors.output), before = executor.read_floats(tensors.before),
                             after = executor.read_floats(tensors.after);
    merge_top(top_per_block_.at(static_cast<std::size_t>(block) - 1), executor.read_floats(tensors.top.values));
    for (std::size_t i = 0; i < output.size(); i += static_cast<std::size_t>(settings_.top_k))
      steps_[block].push_back({std::abs(static_cast<double>(output[i])), std::abs(after[i]) > std::abs(before[i])});
  }
}

void SpikeProbe::finish(Metrics& metrics) {
  std::vector<double> spike_per_state, block_top;
  for (const auto& top : top_per_state_) spike_per_state.push_back(top.front());
  for (const auto& [block, steps] : steps_) {
    double largest = 0;
    bool up = false, down = false;
    for (const Step& step : steps) {
      largest = std::max(largest, step.size);
      if (step.size >= settings_.step_share * spike_.value) (step.up ? up : down) = true;
    }
    block_top.push_back(largest);
    if (up) step_up_.push_back(block);
    if (down) step_down_.push_back(block);
  }
  metrics.set("spike", spike_.value);
  metrics.set("spike_per_state", spike_per_state);
  metrics.set("spike_state", static_cast<double>(spike_.state));
  metrics.set("spike_sequence", static_cast<double>(spike_.sequence));
  metrics.set("spike_token", static_cast<double>(spike_.token));
  metrics.set("spike_channels", as_numbers(spike_.channels));
  metrics.set("top_per_state", top_per_state_);
  metrics.set("block_top", block_top);
  metrics.set("top_per_block", top_per_block_);
  metrics.set("step_up_blocks", as_numbers(step_up_));
  metrics.set("step_down_blocks", as_numbers(step_down_));
}

static const Probes::Registration registration("spikes", [](const ProbeSettings& settings, Settings&) { return std::make_unique<SpikeProbe>(settings); });

}  // namespace ablate
