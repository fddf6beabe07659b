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
//
// The criterion tells a few tokens' spike from a channel that is large everywhere only together with what it is made of, so each part stands for itself
// (spike_per_state has the largest |h|), and so does the number of tokens:
//   state_ratio_per_state    the largest |h| of a sequence's state over its median, the largest of all sequences
//   token_ratio_per_state    the largest |h| of a token over that token's own median, the largest of all tokens (the peak token ratio of arXiv 2605.15572)
//   massive_tokens_per_state tokens that have a massive activation
//   token_massive_per_state  tokens whose largest |h| is over massive_threshold and at least massive_ratio times their own median (as arXiv 2605.15572 counts)
//   state_ratio, token_ratio the largest of all states
//   token_massive            these tokens in the state that has most of them; token_massive_share: in percent of all tokens
//   massive_kind             "none" where there is no such token, "token spike" where it is fewer than half of them, else "channel outlier"
#include "ops/statistics/massive_activations.h"
#include "ops/statistics/median_abs.h"
#include "ops/statistics/row_medians.h"
#include "ops/statistics/top_channels.h"
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
    tensors_.push_back({static_cast<std::size_t>(state), medians, graph.keep(found.rows), graph.keep(found.channels),
                        graph.keep(top_channels(graph, x, 1).values), graph.keep(row_medians(graph, x))});
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (const Tensors& t : tensors_) {
      const std::vector<float> medians = executor.read_floats(t.medians);
      for (const float median : medians) states_[t.state].median.add(static_cast<double>(median));
      collect_tokens(states_[t.state], executor.read_floats(t.largest), executor.read_floats(t.own_medians), medians);
      const std::vector<std::int32_t> rows = executor.read_ints(t.rows), channels = executor.read_ints(t.channels);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (rows[row] == 0) continue;
        states_[t.state].count += rows[row], ++states_[t.state].tokens;
        positions_[static_cast<int>(row % batch.tokens)] += rows[row];
        ids_[batch.ids[row]] += rows[row];
        with_any_.insert(batch.first + row / batch.tokens);
      }
      for (std::size_t channel = 0; channel < channels.size(); ++channel)
        if (channels[channel] > 0) channels_[static_cast<int>(channel)] += channels[channel];
    }
    sequences_ += batch.rows, tokens_ += std::size_t{batch.rows} * batch.tokens;
  }

  MetricNames yields() const override {
    return {.numbers = {"massive_activations", "massive_sequences", "massive_first_block", "massive_last_block", "state_ratio",
                        "token_ratio", "token_massive", "token_massive_share"},
            .lists = {"median_per_state", "massive_per_state", "massive_channels", "massive_channel_counts", "massive_tokens",
                      "massive_token_counts", "massive_token_ids", "massive_token_id_counts", "state_ratio_per_state",
                      "token_ratio_per_state", "massive_tokens_per_state", "token_massive_per_state"},
            .texts = {"massive_kind"}};
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
    finish_tokens(metrics);
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
    Tensor largest, own_medians;  // (B * T), of each token
  };
  struct State {
    Mean median;
    std::int64_t count = 0, tokens = 0;  // massive activations, and tokens that have any
    std::int64_t own = 0;                // tokens that are massive by their own median
    double state_ratio = 0, token_ratio = 0;
  };

  // medians: one for each sequence.
  void collect_tokens(State& state, const std::vector<float>& largest, const std::vector<float>& own,
                      const std::vector<float>& medians) const {
    for (std::size_t i = 0; i < largest.size(); ++i) {
      const auto most = static_cast<double>(largest[i]), median = static_cast<double>(own[i]);
      raise(state.state_ratio, ratio(most, static_cast<double>(medians[i / (largest.size() / medians.size())])));
      raise(state.token_ratio, ratio(most, median));
      const bool is_massive = exceeds(most, settings_.massive_threshold) && !(most < settings_.massive_ratio * median);
      state.own += is_massive;
    }
  }

  static double largest_of(const std::vector<double>& list) {
    double most = 0;
    for (const double value : list) raise(most, value);
    return most;
  }

  // Of a row of zeros none: it has no entry that is larger than others.
  static double ratio(double most, double median) { return most == 0 ? 0 : most / median; }

  void finish_tokens(Metrics& metrics) const {
    std::vector<double> state_ratios, token_ratios, tokens, own;
    for (const State& state : states_) {
      state_ratios.push_back(state.state_ratio), token_ratios.push_back(state.token_ratio);
      tokens.push_back(static_cast<double>(state.tokens)), own.push_back(static_cast<double>(state.own));
    }
    metrics.set("state_ratio_per_state", state_ratios);
    metrics.set("token_ratio_per_state", token_ratios);
    metrics.set("massive_tokens_per_state", tokens);
    metrics.set("token_massive_per_state", own);
    metrics.set("state_ratio", largest_of(state_ratios));
    metrics.set("token_ratio", largest_of(token_ratios));
    metrics.set("token_massive", largest_of(own));
    const double share = 100 * largest_of(own) / static_cast<double>(tokens_);
    metrics.set("token_massive_share", share);
    metrics.set("massive_kind", share == 0 ? "none" : share < 50 ? "token spike" : "channel outlier");
  }

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
  std::size_t tokens_ = 0;
};

const Probes::Registration registration("massive",
                                        [](const ProbeSettings& settings, Settings&) { return std::make_unique<MassiveProbe>(settings); });

}  // namespace
}  // namespace ablate
