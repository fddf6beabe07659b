#include "probe/spikes.h"

#include "ops/statistics/pick.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace ablate {
namespace {

TopEntries keep(Graph& graph, const TopEntries& top) { return {graph.keep(top.values), graph.keep(top.rows), graph.keep(top.channels)}; }

// Row `i` of a kept (rows, k).
Tensor row_of(Tensor x, std::uint64_t i) {
  x.offset += i * x.dim(-1) * bytes_of(x.dtype);
  x.shape = {x.dim(-1)};
  return x;
}

// Adds every sequence's k largest, (B, k), to their sums.
void add_top(std::vector<double>& sums, const std::vector<float>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) sums[i % sums.size()] += static_cast<double>(values[i]);
}

std::vector<std::vector<double>> over(std::vector<std::vector<double>> sums, double count) {
  for (auto& row : sums)
    for (double& value : row) value /= count;
  return sums;
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
  spike_per_state_.resize(top_per_state_.size());
}

void SpikeProbe::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (const int block = hook.block(); block > 0) {
    const TopEntries top = keep(graph, top_entries(graph, top_channels(graph, x, static_cast<std::uint32_t>(settings_.top_k)), rows_));
    blocks_[block] = {top, graph.keep(pick(graph, previous_, top)), graph.keep(pick(graph, x, top)), {}};
  }
  if (const int state = hook.residual(); state >= 0) {
    const auto k = static_cast<std::uint32_t>(settings_.top_k);
    const TopChannels channels = top_channels(graph, x, k);
    states_[state] = {keep(graph, top_entries(graph, channels, rows_)), graph.keep(channels.values), graph.keep(channels.channels)};
    if (const auto block = blocks_.find(state); block != blocks_.end()) block->second.after = graph.keep(pick(graph, x, block->second.top));
    previous_ = x;
  }
}

void SpikeProbe::collect_state(Executor& executor, const ProbeBatch& batch, int state) {
  const StateTensors& tensors = states_.at(state);
  const std::vector<float> values = executor.read_floats(tensors.top.values);
  const std::vector<std::int32_t> tokens = executor.read_ints(tensors.top.rows);
  const auto k = static_cast<std::size_t>(settings_.top_k), index = static_cast<std::size_t>(state);
  add_top(top_per_state_[index], values);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const auto value = static_cast<double>(values[row * k]);
    spike_per_state_[index] = std::max(spike_per_state_[index], value);
    if (!(value > spike_.value)) continue;
    spike_ = {value, state, static_cast<int>(batch.first + row), tokens[row * k], {}};
    const std::uint64_t at = row * batch.tokens + static_cast<std::uint64_t>(spike_.token);
    const std::vector<float> sizes = executor.read_floats(row_of(tensors.values, at));
    const std::vector<std::int32_t> channels = executor.read_ints(row_of(tensors.channels, at));
    for (std::size_t i = 0; i < k; ++i)
      if (sizes[i] >= 0.1f * sizes[0]) spike_.channels.push_back(channels[i]);
  }
}

void SpikeProbe::collect(Executor& executor, const ProbeBatch& batch) {
  sequences_ += batch.rows;
  for (const auto& [state, tensors] : states_) collect_state(executor, batch, state);
  for (const auto& [block, tensors] : blocks_) {
    const std::vector<float> output = executor.read_floats(tensors.output), before = executor.read_floats(tensors.before),
                             after = executor.read_floats(tensors.after);
    add_top(top_per_block_.at(static_cast<std::size_t>(block) - 1), executor.read_floats(tensors.top.values));
    for (std::size_t i = 0; i < output.size(); i += static_cast<std::size_t>(settings_.top_k))
      steps_[block].push_back({std::abs(static_cast<double>(output[i])), std::abs(after[i]) > std::abs(before[i])});
  }
}

void SpikeProbe::finish(Metrics& metrics) {
  std::vector<double> block_top;
  double strongest_up = 0, strongest_down = 0;
  strongest_up_ = 1, strongest_down_ = static_cast<int>(top_per_block_.size());
  for (const auto& [block, steps] : steps_) {
    double largest = 0;
    bool up = false, down = false;
    for (const Step& step : steps) {
      largest = std::max(largest, step.size);
      double& strongest = step.up ? strongest_up : strongest_down;
      if (step.size > strongest) strongest = step.size, (step.up ? strongest_up_ : strongest_down_) = block;
      if (step.size > 0 && step.size >= settings_.step_share * spike_.value) (step.up ? up : down) = true;
    }
    block_top.push_back(largest);
    if (up) step_up_.push_back(block);
    if (down) step_down_.push_back(block);
  }
  metrics.set("spike", spike_.value);
  metrics.set("spike_per_state", spike_per_state_);
  metrics.set("spike_state", static_cast<double>(spike_.state));
  metrics.set("spike_sequence", static_cast<double>(spike_.sequence));
  metrics.set("spike_token", static_cast<double>(spike_.token));
  metrics.set("spike_channels", as_numbers(spike_.channels));
  metrics.set("top_per_state", over(top_per_state_, sequences_));
  metrics.set("block_top", block_top);
  metrics.set("top_per_block", over(top_per_block_, sequences_));
  metrics.set("step_up_blocks", as_numbers(step_up_));
  metrics.set("step_down_blocks", as_numbers(step_down_));
}

static const Probes::Registration registration("spikes", [](const ProbeSettings& settings, Settings&) {
  return std::make_unique<SpikeProbe>(settings);
});

}  // namespace ablate
