// What RMSNorm makes of spike tokens (Figure 5 of arXiv 2603.05498). States are divided by their root mean square, without the norm's
// weight.
//   geometry_share_spike, geometry_share_rest    per state: share of the squared norm that the top_k largest channels hold (1: sparse),
//   mean over
//                                                spike tokens (SpikeTokens) and over the others
//   geometry_range_spike, geometry_range_rest    per state: mean of the largest normed |x|; at most sqrt(d_model)
//   geometry_bound           sqrt(d_model)
//   geometry_step_up         the step-up block that the following are about
//   geometry_cosine_before, geometry_cosine_after    mean cosine over all pairs of spike tokens (at most 64) before and after that block
//   geometry_sink_head       (layer, head) with most attention on the first key
//   geometry_key_singular_values   of the spike tokens' keys there, one row a token, at most 512, over the largest; geometry_key_rank: how
//   many are above 0.01
#include "ops/statistics/row_norms.h"
#include "probe/figures.h"
#include "probe/projection.h"
#include "probe/sink_scores.h"
#include "probe/spike_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ablate {
namespace {

constexpr std::size_t most_states = 64, most_keys = 512;

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  const auto dot = [](const auto& x, const auto& y) { return std::inner_product(x.begin(), x.end(), y.begin(), 0.0); };
  const double lengths = std::sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

std::vector<std::vector<double>> cosines(const Points& points) {
  std::vector<std::vector<double>> table;
  for (const auto& a : points) {
    table.emplace_back();
    for (const auto& b : points) table.back().push_back(cosine(a, b));
  }
  return table;
}

double mean_of_pairs(const std::vector<std::vector<double>>& table) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < table.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) sum += table[i][j], ++count;
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

class GeometryProbe : public Probe {
 public:
  explicit GeometryProbe(const ProbeSettings& settings) : top_k_(static_cast<std::uint32_t>(settings.top_k)), spikes_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override {
    config_ = config;
    measures_.clear();
    if (looking_closer_) return;
    spikes_.begin(config, rows, tokens);
    sinks_.begin(config, rows, tokens);
    states_.resize(static_cast<std::size_t>(config.blocks()) + 1);
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    const int state = hook.residual();
    if (looking_closer_) {
      if (state == spikes_.step_up_block() - 1) before_ = graph.keep(x);
      if (state == spikes_.step_up_block()) after_ = graph.keep(x);
      return;
    }
    spikes_.at(graph, hook, x);
    if (state >= 0)
      measures_[static_cast<std::size_t>(state)] = {graph.keep(top_channels(graph, x, top_k_).values), graph.keep(row_norms(graph, x))};
  }

  void attention(Graph& graph, const AttentionCall& call) override {
    if (!looking_closer_) sinks_.attention(graph, call);
    else if (call.index == sink_.layer) keys_ = graph.keep(call.k);
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    if (looking_closer_) return collect_vectors(executor, batch);
    spikes_.collect(executor, batch);
    sinks_.collect(executor, batch);
    for (const auto& [state, measure] : measures_) {
      const std::vector<float> top = executor.read_floats(measure.top), norms = executor.read_floats(measure.norms);
      for (std::size_t i = 0; i < norms.size(); ++i) {
        const auto norm = std::max(static_cast<double>(norms[i]), 1e-300);
        double squares = 0;
        for (std::size_t c = 0; c < top_k_; ++c) squares += std::pow(static_cast<double>(top[i * top_k_ + c]) / norm, 2);
        states_[state].share.push_back(static_cast<float>(squares));
        states_[state].range.push_back(static_cast<float>(static_cast<double>(top[i * top_k_]) / norm * std::sqrt(config_.d_model)));
      }
    }
  }

  bool again() override {
    if (looking_closer_) return false;
    spikes_.finish();
    sink_ = sinks_.strongest();
    return looking_closer_ = true;
  }

  void finish(Metrics& metrics) override {
    report_states(metrics);
    report_step_up(metrics);
    report_keys(metrics);
  }

 private:
  struct Measure {
    Tensor top, norms;
  };
  struct State {
    std::vector<float> share, range;  // per token
  };

  void collect_vectors(Executor& executor, const ProbeBatch& batch) {
    const std::vector<float> before = executor.read_floats(before_), after = executor.read_floats(after_),
                             keys = executor.read_floats(keys_);
    const auto dim = static_cast<std::size_t>(config_.d_model), head_dim = static_cast<std::size_t>(config_.head_dim);
    const auto kv_heads = static_cast<std::size_t>(config_.n_kv_heads),
               head = static_cast<std::size_t>(sink_.head) / static_cast<std::size_t>(config_.n_heads / config_.n_kv_heads);
    for (std::size_t i = 0; i < std::size_t{batch.rows} * batch.tokens; ++i) {
      if (!spikes_.is_spike(std::size_t{batch.first} * batch.tokens + i)) continue;
      if (spikes_before_.size() < most_states) {
        spikes_before_.push_back(head_row(before, i, 1, 0, dim));
        spikes_after_.push_back(head_row(after, i, 1, 0, dim));
      }
      if (sink_keys_.size() < most_keys) sink_keys_.push_back(head_row(keys, i, kv_heads, head, head_dim));
    }
  }

  double mean(const std::vector<float>& values, bool of_spikes) const {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (spikes_.is_spike(i) == of_spikes) sum += static_cast<double>(values[i]), ++count;
    return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
  }

  void report_states(Metrics& metrics) const {
    std::vector<double> share_spike, share_rest, range_spike, range_rest;
    for (const State& state : states_) {
      share_spike.push_back(mean(state.share, true)), share_rest.push_back(mean(state.share, false));
      range_spike.push_back(mean(state.range, true)), range_rest.push_back(mean(state.range, false));
    }
    metrics.set("geometry_share_spike", share_spike);
    metrics.set("geometry_share_rest", share_rest);
    metrics.set("geometry_range_spike", range_spike);
    metrics.set("geometry_range_rest", range_rest);
    metrics.set("geometry_bound", std::sqrt(config_.d_model));
    const std::vector<FigureMark> marks = {{static_cast<double>(spikes_.step_up_block()), "step up"}};
    const auto draw = [&](const char* title, const std::string& caption, const char* label, const auto& spike, const auto& rest) {
      add_figure(metrics, {.kind = "line",
                           .title = title,
                           .caption = caption,
                           .x = {.label = "residual state"},
                           .y = {.label = label},
                           .series = {{.name = "spike tokens", .y = spike}, {.name = "other tokens", .y = rest}},
                           .marks = marks});
    };
    draw("Sparsity of the normed state", fmt::format("Share of the squared norm in the {} largest channels, mean over tokens.", top_k_),
         "share", share_spike, share_rest);
    draw("Range of the normed state",
         fmt::format("Largest |x| after RMSNorm, mean over tokens; it cannot exceed {:.1f}, the root of the width.",
                     std::sqrt(config_.d_model)),
         "largest |x|", range_spike, range_rest);
  }

  void report_step_up(Metrics& metrics) const {
    const auto before = cosines(spikes_before_), after = cosines(spikes_after_);
    metrics.set("geometry_step_up", static_cast<double>(spikes_.step_up_block()));
    metrics.set("geometry_cosine_before", mean_of_pairs(before));
    metrics.set("geometry_cosine_after", mean_of_pairs(after));
    const auto draw = [&](const char* title, const auto& values) {
      add_figure(metrics, {.kind = "heatmap",
                           .title = title,
                           .caption = fmt::format("Cosine of the states of two spike tokens, around block {}.", spikes_.step_up_block()),
                           .x = {.label = "spike token"},
                           .y = {.label = "spike token"},
                           .values = values});
    };
    draw("Spike tokens before the step-up block", before);
    draw("Spike tokens after the step-up block", after);
  }

  void report_keys(Metrics& metrics) const {
    constexpr double rounding = 1e-7;  // of f32: singular values below are noise
    if (sink_keys_.empty()) return;    // nothing is as large as half of a spike that is no number
    std::vector<double> values = singular_values(sink_keys_), drawn;
    const double largest = std::max(values[0], 1e-300);
    for (double& value : values) {
      value /= largest;
      if (value > rounding) drawn.push_back(value);
    }
    metrics.set("geometry_sink_head", std::vector<double>{static_cast<double>(sink_.layer), static_cast<double>(sink_.head)});
    metrics.set("geometry_key_singular_values", values);
    metrics.set("geometry_key_rank",
                static_cast<double>(std::count_if(values.begin(), values.end(), [](double value) { return value > 0.01; })));
    add_figure(metrics, {.kind = "line",
                         .title = "Singular values of the spike tokens' keys",
                         .caption = fmt::format("{} keys of layer {}, head {}, over the largest singular value.", sink_keys_.size(),
                                                sink_.layer, sink_.head),
                         .x = {.label = "rank"},
                         .y = {.label = "singular value", .log = true},
                         .series = {{.name = "keys", .y = drawn}}});
  }

  std::uint32_t top_k_;
  TransformerConfig config_;
  SpikeTokens spikes_;
  SinkScores sinks_;
  SinkScores::Head sink_;
  bool looking_closer_ = false;  // the second pass

  std::map<std::size_t, Measure> measures_;
  std::vector<State> states_;
  Tensor before_, after_, keys_;
  Points spikes_before_, spikes_after_, sink_keys_;
};

const Probes::Registration registration("geometry",
                                        [](const ProbeSettings& settings, Settings&) { return std::make_unique<GeometryProbe>(settings); });

}  // namespace
}  // namespace ablate
