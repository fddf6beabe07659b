#include "probe/spike_place.h"

#include "ops/largest_token.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

std::vector<int> channels_of_spike(const float* row, std::uint32_t width, float spike) {
  std::vector<int> channels;
  for (std::uint32_t c = 0; c < width; ++c)
    if (std::abs(row[c]) >= 0.1f * spike) channels.push_back(static_cast<int>(c));
  std::stable_sort(channels.begin(), channels.end(), [row](int a, int b) { return std::abs(row[a]) > std::abs(row[b]); });
  return channels;
}

}  // namespace

void SpikePlace::at(Graph& graph, const Hook& hook, const Tensor& x) {
  if (hook.residual() < 0) return;
  const Tensor tokens = graph.keep(largest_tokens(graph, x));
  states_.push_back({tokens, graph.keep(take_tokens(graph, x, tokens))});
}

void SpikePlace::collect(Executor& executor, const ProbeBatch& batch) {
  for (const State& state : states_) {
    const std::vector<float> rows = executor.read_floats(state.row);
    const std::vector<std::int32_t> tokens = executor.read_ints(state.token);
    const std::uint32_t width = state.row.dim(-1);
    for (std::uint32_t sequence = 0; sequence < batch.rows; ++sequence) {
      const float* row = &rows[std::size_t{sequence} * width];
      float largest = 0;
      for (std::uint32_t c = 0; c < width; ++c) largest = std::max(largest, std::abs(row[c]));
      if (largest > spike_.value) spike_ = {largest, tokens[sequence], channels_of_spike(row, width, largest)};
    }
  }
}

}  // namespace ablate
