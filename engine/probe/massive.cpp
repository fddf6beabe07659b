// Massive activations by Sun et al. 2024 (arXiv 2402.17762): |h| over massive_threshold (100) and at least massive_ratio (1000) times the median |h| of
// its sequence's state.
//   median_per_state         mean over sequences of the median |h|
//   massive_per_state        massive activations of every state, all sequences together
//   massive_activations      of the state that has most
//   massive_sequences        percent of the sequences that have any
//   massive_channels, massive_channel_counts    where they are, by how often (states and sequences added up); the same of massive_tokens, positions
//   massive_token_ids, massive_token_id_counts  and of the tokens that stand there
//   massive_first_block, massive_last_block     the first block after which there are any, and the last; 0: the embedding. Absent without any
// Places are counted from the first 256 of every state of a run.
#include "ops/statistics/massive_activations.h"
#include "ops/statistics/median_abs.h"
#include "probe/probe.h"

#include <algorithm>
#include <map>
#include <set>

namespace ablate {
namespace {

constexpr std::uint32_t listed = 256;

class MassiveProbe : public Probe {
 public:
  explicit MassiveProbe(const ProbeSettings& settings) : settings_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t) override {
    rows_ = rows;
    tensors_.clear();
    states_.resize(static_cast<std::size_t>(config.blocks()) + 1);
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    const int state = hook.residual();
    if (state < 0) return;
    const Tensor medians = graph.keep(median_abs(graph, x, rows_));
    const auto threshold = static_cast<float>(settings_.massive_threshold), ratio = static_cast<float>(settings_.massive_ratio);
    const MassiveActivations found = massive_activations(graph, x, medians, threshold, ratio, listed);
    tensors_.push_back(
        {static_cast<std::size_t>(state), medians, graph.keep(found.count), graph.keep(found.rows), graph.keep(found.channels)});
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (const Tensors& t : tensors_) {
      for (const float median : executor.read_floats(t.medians)) states_[t.state].medians += static_cast<double>(median);
      states_[t.state].count += executor.read_ints(t.count)[0];
      const std::vector<std::int32_t> rows = executor.read_ints(t.rows), channels = executor.read_ints(t.channels);
      for (std::size_t i = 0; i < rows.size() && rows[i] >= 0; ++i) {
        const auto row = static_cast<std::uint32_t>(rows[i]);
        ++channels_[channels[i]];
        ++positions_[static_cast<int>(row % batch.tokens)];
        ++ids_[batch.ids[row]];
        with_any_.insert(batch.first + row / batch.tokens);
      }
    }
    sequences_ += batch.rows;
  }

  void finish(Metrics& metrics) override {
    std::vector<double> medians, counts;
    for (const State& state : states_) {
      medians.push_back(state.medians / sequences_);
      counts.push_back(static_cast<double>(state.count));
    }
    metrics.set("median_per_state", medians);
    metrics.set("massive_per_state", counts);
    metrics.set("massive_activations", *std::max_element(counts.begin(), counts.end()));
    metrics.set("massive_sequences", 100.0 * static_cast<double>(with_any_.size()) / sequences_);
    set_most_frequent(metrics, channels_, "massive_channels", "massive_channel_counts");
    set_most_frequent(metrics, positions_, "massive_tokens", "massive_token_counts");
    set_most_frequent(metrics, ids_, "massive_token_ids", "massive_token_id_counts");
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
    Tensor medians, count, rows, channels;
  };
  struct State {
    double medians = 0;
    std::int64_t count = 0;
  };

  static void set_most_frequent(Metrics& metrics, const std::map<int, int>& counts, const char* what, const char* how_often) {
    std::vector<std::pair<int, int>> list(counts.begin(), counts.end());
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    list.resize(std::min<std::size_t>(list.size(), 16));
    std::vector<double> values, numbers;
    for (const auto& [value, number] : list) values.push_back(value), numbers.push_back(number);
    metrics.set(what, values);
    metrics.set(how_often, numbers);
  }

  ProbeSettings settings_;
  std::uint32_t rows_ = 0;
  std::vector<Tensors> tensors_;
  std::vector<State> states_;
  std::map<int, int> channels_, positions_, ids_;
  std::set<std::uint32_t> with_any_;
  double sequences_ = 0;
};

const Probes::Registration registration("massive",
                                        [](const ProbeSettings& settings, Settings&) { return std::make_unique<MassiveProbe>(settings); });

}  // namespace
}  // namespace ablate
