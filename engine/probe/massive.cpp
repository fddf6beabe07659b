// Massive activations by Sun et al. 2024 (arXiv 2402.17762): |h| over massive_threshold (100) and at least massive_ratio (1000) times the median |h| of
// its sequence's state.
//   median_per_state         mean over sequences of the median |h|
//   massive_per_state        massive activations of every state, all sequences together
//   massive_activations      of the state that has most
//   massive_sequences        percent of the sequences that have any
//   massive_channels, massive_channel_counts    where they are, by how often (states and sequences added up); the same of massive_tokens, positions
//   massive_token_ids, massive_token_id_counts  and of the tokens that stand there
//   massive_first_block, massive_last_block     the first block after which there are any, and the last; 0: the embedding. Absent without any
// Every one of them is counted, and NaN counts as larger than infinity.
#include "ops/statistics/massive_activations.h"
#include "ops/statistics/median_abs.h"
#include "probe/mean.h"
#include "probe/probe.h"

#include <algorithm>
#include <map>
#include <set>

namespace ablate {
namespace {

class MassiveProbe : public Probe {
 public:
  explicit MassiveProbe(const ProbeSettings& settings) : settings_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t) override {
    rows_ = rows;
    tensors_.clear();
    states_.resize(static_cast<std::size_t>(config.states()));
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    const int state = hook.residual();
    if (state < 0) return;
    const Tensor medians = graph.keep(median_abs(graph, x, rows_));
    const auto threshold = static_cast<float>(settings_.massive_threshold), ratio = static_cast<float>(settings_.massive_ratio);
    const MassiveActivations found = massive_activations(graph, x, medians, threshold, ratio);
    tensors_.push_back({static_cast<std::size_t>(state), medians, graph.keep(found.rows), graph.keep(found.channels)});
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (const Tensors& t : tensors_) {
      for (const float median : executor.read_floats(t.medians)) states_[t.state].median.add(static_cast<double>(median));
      const std::vector<std::int32_t> rows = executor.read_ints(t.rows), channels = executor.read_ints(t.channels);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (rows[row] == 0) continue;
        states_[t.state].count += rows[row];
        positions_[static_cast<int>(row % batch.tokens)] += rows[row];
        ids_[batch.ids[row]] += rows[row];
        with_any_.insert(batch.first + row / batch.tokens);
      }
      for (std::size_t channel = 0; channel < channels.size(); ++channel)
        if (channels[channel] > 0) channels_[static_cast<int>(channel)] += channels[channel];
    }
    sequences_ += batch.rows;
  }

  MetricNames yields() const override {
    return {.numbers = {"massive_activations", "massive_sequences", "massive_first_block", "massive_last_block"},
            .lists = {"median_per_state", "massive_per_state", "massive_channels", "massive_channel_counts", "massive_tokens",
                      "massive_token_counts", "massive_token_ids", "massive_token_id_counts"}};
  }
  void finish(Metrics& metrics) override {
    std::vector<Mean> medians;
    std::vector<double> counts;
    for (const State& state : states_) medians.push_back(state.median), counts.push_back(static_cast<double>(state.count));
    set_means(metrics, "median_per_state", medians);
    metrics.set("massive_per_state", counts);
    metrics.set("massive_activations", *std::max_element(counts.begin(), counts.end()));
    metrics.set("massive_sequences", 100.0 * static_cast<double>(with_any_.size()) / sequences_);
    set_counts(metrics, channels_, "massive_channels", "massive_channel_counts");
    set_counts(metrics, positions_, "massive_tokens", "massive_token_counts");
    set_counts(metrics, ids_, "massive_token_ids", "massive_token_id_counts");
    const auto any = [](double count) { return count > 0; };
    const auto first = std::find_if(counts.begin(), counts.end(), any);
    if (first == counts.end()) return;
    const auto last = std::find_if(counts.rbegin(), counts.rend(), any);
    metrics.set("massive_first_block", static_cast<double>(first - counts.begin()));
    metrics.set("massive_last_block", static_cast<double>(counts.rend() - last - 1));
  }

 private:
  struct Tensors {
    std::size_t state;
    Tensor medians, rows, channels;
  };
  struct State {
    Mean median;
    std::int64_t count = 0;
  };

  using Counts = std::map<int, std::int64_t>;

  // The most frequent first.
  static void set_counts(Metrics& metrics, const Counts& counts, const char* what, const char* how_often) {
    std::vector<std::pair<int, std::int64_t>> list(counts.begin(), counts.end());
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<double> values, numbers;
    for (const auto& [value, number] : list) values.push_back(value), numbers.push_back(static_cast<double>(number));
    metrics.set(what, values);
    metrics.set(how_often, numbers);
  }

  ProbeSettings settings_;
  std::uint32_t rows_ = 0;
  std::vector<Tensors> tensors_;
  std::vector<State> states_;
  Counts channels_, positions_, ids_;
  std::set<std::size_t> with_any_;
  double sequences_ = 0;
};

const Probes::Registration registration("massive",
                                        [](const ProbeSettings& settings, Settings&) { return std::make_unique<MassiveProbe>(settings); });

}  // namespace
}  // namespace ablate
