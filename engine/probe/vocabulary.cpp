// Which tokens of the vocabulary spike (Table 2 of arXiv 2603.05498), for data of the source "vocabulary": one sequence per token, which
// stands last.
//   vocabulary_share        percent of the tokens whose largest |h| over the states reaches step_share (a half) of the largest spike seen
//   vocabulary_massive      percent with a massive activation of their own (Sun et al. 2024: massive_threshold, massive_ratio, median of
//   the sequence's state) vocabulary_without      ids of tokens that do not spike by the first rule, the first 64 vocabulary_tokens,
//   vocabulary_position
#include "base/error.h"
#include "base/settings.h"
#include "ops/statistics/median_abs.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/spike_tokens.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

constexpr std::size_t listed = 64;
constexpr int bins = 24;  // of the histogram

class VocabularyProbe : public Probe {
 public:
  explicit VocabularyProbe(const ProbeSettings& settings) : settings_(settings), spikes_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override {
    spikes_.begin(config, rows, tokens);
    rows_ = rows;
    states_.clear();
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    spikes_.at(graph, hook, x);
    if (hook.residual() < 0) return;
    states_.push_back({graph.keep(top_channels(graph, x, 1).values), graph.keep(median_abs(graph, x, rows_))});
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    spikes_.collect(executor, batch);
    const std::size_t first = ids_.size();
    for (std::uint32_t row = 0; row < batch.rows; ++row) ids_.push_back(batch.ids[(row + 1) * batch.tokens - 1]);
    massive_.resize(ids_.size());
    for (const State& state : states_) {
      const std::vector<float> top = executor.read_floats(state.top), medians = executor.read_floats(state.medians);
      for (std::size_t row = 0; row < batch.rows; ++row) {
        const auto value = static_cast<double>(top[(row + 1) * batch.tokens - 1]);
        if (exceeds(value, settings_.massive_threshold) && !exceeds(settings_.massive_ratio * static_cast<double>(medians[row]), value))
          massive_[first + row] = true;
      }
    }
  }

  MetricNames yields() const override {
    return {.numbers = {"vocabulary_share", "vocabulary_massive", "vocabulary_tokens", "vocabulary_position"},
            .lists = {"vocabulary_without"}};
  }
  void finish(Metrics& metrics) override {
    spikes_.finish();
    const std::size_t count = ids_.size();
    std::vector<double> largest, without;
    double spiking = 0, massive = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = (i + 1) * spikes_.tokens() - 1;
      largest.push_back(static_cast<double>(spikes_.largest()[at]));
      massive += massive_[i];
      if (spikes_.is_spike(at)) ++spiking;
      else if (without.size() < listed) without.push_back(ids_[i]);
    }
    const bool told = !std::isnan(spikes_.spike().value);  // else no token can be compared with the spike
    if (told) metrics.set("vocabulary_share", 100.0 * spiking / static_cast<double>(count));
    metrics.set("vocabulary_massive", 100.0 * massive / static_cast<double>(count));
    metrics.set("vocabulary_tokens", static_cast<double>(count));
    metrics.set("vocabulary_position", static_cast<double>(spikes_.tokens() - 1));
    if (told) metrics.set("vocabulary_without", without);
    add_figure(metrics, histogram(largest));
  }

 private:
  struct State {
    Tensor top, medians;
  };

  Figure histogram(const std::vector<double>& largest) const {
    double high = 1e-30;
    for (const double value : largest)
      if (std::isfinite(value)) high = std::max(high, value);
    FigureSeries series{.name = "tokens"};
    series.y.resize(bins);
    for (int i = 0; i <= bins; ++i) series.x.push_back(high * i / bins);
    for (const double value : largest)
      if (std::isfinite(value)) ++series.y[static_cast<std::size_t>(std::min(static_cast<int>(value / high * bins), bins - 1))];
    return {.kind = "histogram",
            .title = "Largest magnitude of every token of the vocabulary",
            .caption = "Each token in its own sequence, at position " + std::to_string(spikes_.tokens() - 1) +
                       "; the largest |h| over all residual states.",
            .x = {.label = "largest |h|"},
            .y = {.label = "tokens"},
            .series = {series}};
  }

  ProbeSettings settings_;
  SpikeTokens spikes_;
  std::uint32_t rows_ = 0;
  std::vector<State> states_;
  std::vector<std::int32_t> ids_;
  std::vector<bool> massive_;
};

const Probes::Registration registration("vocabulary", [](const ProbeSettings& settings, Settings&) {
  return std::make_unique<VocabularyProbe>(settings);
});

// Of other data's last tokens it would count some never and some often.
const SectionRegistration needs_its_data{
    {"probe", [](Settings& experiment) {
       Settings probe = experiment.table("probe"), data = experiment.table("data");
       const auto names = probe.get<std::vector<std::string>>("statistics", {});
       if (std::find(names.begin(), names.end(), "vocabulary") == names.end()) return;
       require(data.get<std::string>("source", "") == "vocabulary",
               "{}: \"vocabulary\" is of tokens that have a sequence each: it wants data.source = \"vocabulary\"",
               probe.where("statistics"));
     }}};

}  // namespace
}  // namespace ablate
