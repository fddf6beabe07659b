#include "probe/spikes.h"

#include "ops/largest_token.h"
#include "ops/statistics/pick.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace ablate {
namespace {

TopEntries keep(Graph& graph, const TopEntries& top) { return {graph.keep(top.values), graph.keep(top.rows), graph.keep(top.channels)}; }

// Adds every sequence's k largest, (B, k).
void add_top(std::vector<Mean>& means, const std::vector<float>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) means[i % means.size()].add(static_cast<double>(values[i]));
}

std::vector<std::vector<double>> values_of(const std::vector<std::vector<Mean>>& means) {
  std::vector<std::vector<double>> values;
  for (const auto& row : means) {
    values.emplace_back();
    for (const Mean& mean : row) values.back().push_back(mean.value());
  }
  return values;
}

// Channels of a token that reach a tenth of its largest entry, `most`, largest first; of one that is not finite all that are not.
std::vector<int> channels_of(std::span<const float> token, float most) {
  std::vector<int> channels;
  for (std::size_t i = 0; i < token.size(); ++i)
    if (std::isfinite(most) ? std::abs(token[i]) >= 0.1f * most : !std::isfinite(token[i])) channels.push_back(static_cast<int>(i));
  std::stable_sort(channels.begin(), channels.end(), [&](int a, int b) {
    return exceeds(std::abs(token[static_cast<std::size_t>(a)]), std::abs(token[static_cast<std::size_t>(b)]));
  });
  return channels;
}

std::vector<double> as_numbers(const std::vector<int>& list) { return {list.begin(), list.end()}; }

}  // namespace

void SpikeProbe::begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t) {
  rows_ = rows;
  per_state_ = config.blocks_per_state();
  per_layer_ = static_cast<std::size_t>((config.states() - 1) / config.n_layers);
  states_.clear();
  blocks_.clear();
  const std::vector<Mean> none(static_cast<std::size_t>(settings_.top_k));
  top_per_state_.resize(static_cast<std::size_t>(config.states()), none);
  top_per_block_.resize(static_cast<std::size_t>(config.blocks()), none);
  spike_per_state_.resize(top_per_state_.size());
}

void SpikeProbe::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (const int block = hook.block(); block > 0) {
    const TopEntries top = keep(graph, top_entries(graph, top_channels(graph, x, static_cast<std::uint32_t>(settings_.top_k)), rows_));
    blocks_[block] = {top, graph.keep(pick(graph, previous_, top)), graph.keep(pick(graph, x, top)), {}};
  }
  if (const int state = hook.residual(); state >= 0) {
    const TopEntries top = keep(graph, top_entries(graph, top_channels(graph, x, static_cast<std::uint32_t>(settings_.top_k)), rows_));
    states_[state] = {top, graph.keep(take_tokens(graph, x, top.rows))};
    for (auto& [block, tensors] : blocks_)
      if ((block + per_state_ - 1) / per_state_ == state) tensors.after = graph.keep(pick(graph, x, tensors.top));
    previous_ = x;
  }
}

// Whatever the order in which states and sequences come.
bool SpikeProbe::takes_over(double value, int state, int sequence) const {
  if (exceeds(value, spike_.value)) return true;
  return !exceeds(spike_.value, value) && std::pair(state, sequence) < std::pair(spike_.state, spike_.sequence);
}

void SpikeProbe::collect_state(Executor& executor, const ProbeBatch& batch, int state) {
  const StateTensors& tensors = states_.at(state);
  const std::vector<float> values = executor.read_floats(tensors.top.values), rows = executor.read_floats(tensors.token);
  const std::vector<std::int32_t> tokens = executor.read_ints(tensors.top.rows);
  const auto k = static_cast<std::size_t>(settings_.top_k), index = static_cast<std::size_t>(state);
  add_top(top_per_state_[index], values);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const float most = values[row * k];
    const auto value = static_cast<double>(most);
    const int sequence = static_cast<int>(batch.first + row);
    raise(spike_per_state_[index], value);
    if (any_ && !takes_over(value, state, sequence)) continue;
    any_ = true;
    const std::size_t channels = tensors.token.dim(-1);
    spike_ = {value, state, sequence, tokens[row * k], channels_of(std::span(rows).subspan(row * channels, channels), most)};
  }
}

void SpikeProbe::collect(Executor& executor, const ProbeBatch& batch) {
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
  std::vector<double> block_top(top_per_block_.size(), std::numeric_limits<double>::quiet_NaN());
  double strongest_up = 0, strongest_down = 0;
  strongest_up_ = 1, strongest_down_ = static_cast<int>(top_per_block_.size());
  for (const auto& [block, steps] : steps_) {
    double largest = 0;
    bool up = false, down = false;
    for (const Step& step : steps) {
      raise(largest, step.size);
      double& strongest = step.up ? strongest_up : strongest_down;
      if (step.size > strongest) strongest = step.size, (step.up ? strongest_up_ : strongest_down_) = block;
      if (step.size > 0 && step.size >= settings_.step_share * spike_.value) (step.up ? up : down) = true;
    }
    block_top[static_cast<std::size_t>(block) - 1] = largest;
    if (up) step_up_.push_back(block);
    if (down) step_down_.push_back(block);
  }
  metrics.set("spike", spike_.value);
  if (per_state_ > 1) metrics.set("blocks_per_state", static_cast<double>(per_state_));
  metrics.set("spike_per_state", spike_per_state_);
  double after_layers = 0;
  for (std::size_t state = per_layer_; state < spike_per_state_.size(); state += per_layer_) raise(after_layers, spike_per_state_[state]);
  metrics.set("spike_after_layers", after_layers);
  metrics.set("spike_state", static_cast<double>(spike_.state));
  metrics.set("spike_sequence", static_cast<double>(spike_.sequence));
  metrics.set("spike_token", static_cast<double>(spike_.token));
  metrics.set("spike_channels", as_numbers(spike_.channels));
  metrics.set("top_per_state", values_of(top_per_state_));
  metrics.set("block_top", block_top);
  metrics.set("top_per_block", values_of(top_per_block_));
  if (std::isnan(spike_.value)) return;  // no share of it can be told
  metrics.set("step_up_blocks", as_numbers(step_up_));
  metrics.set("step_down_blocks", as_numbers(step_down_));
}

MetricNames SpikeProbe::yields() const {
  return {
      .numbers = {"spike", "spike_after_layers", "spike_state", "spike_sequence", "spike_token"},
      .lists = {"spike_per_state", "spike_channels", "top_per_state", "block_top", "top_per_block", "step_up_blocks", "step_down_blocks"}};
}

static const Probes::Registration registration("spikes", [](const ProbeSettings& settings, Settings&) {
  return std::make_unique<SpikeProbe>(settings);
});

}  // namespace ablate
