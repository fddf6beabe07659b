// What RMSNorm makes of spike tokens (Figure 5 of arXiv 2603.05498). States are divided by their root mean square, without the norm's
// weight. Its table:
//   channels = 3     how many channels geometry_share_* counts, up to 8
// Metrics:
//   geometry_share_spike, geometry_share_rest    per state: share of the squared norm that the largest channels hold (1: sparse), mean over
//                                                spike tokens (SpikeTokens) and over the others
//   geometry_range_spike, geometry_range_rest    per state: mean of the largest normed |x|; at most sqrt(d_model)
//   geometry_bound           sqrt(d_model)
//   geometry_step_up         the step-up block that the following are about
//   geometry_cosine_before, geometry_cosine_after    mean cosine over all pairs of spike tokens before and after that block
//   geometry_sink_head       (layer, head) with most attention on the first key
//   geometry_key_singular_values   of the spike tokens' keys there, one row a token, over the largest; geometry_key_rank: how many are above 0.01
// Without spike tokens, or pairs of them, what is about them is absent.
#include "base/settings.h"
#include "ops/statistics/row_norms.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/projection.h"
#include "probe/sink_scores.h"
#include "probe/spike_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace ablate {
namespace {

constexpr std::size_t drawn_states = 64;  // in the pictures of cosines
constexpr float no_direction = -1;        // of a state that is zero

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

// The mean cosine over all pairs of different vectors: of n directions, (|their sum|^2 - n) / (n^2 - n). A zero vector has cosine 0 with all.
struct PairCosines {
  std::vector<double> sum;
  double count = 0, directions = 0;

  void add(const std::vector<double>& v) {
    sum.resize(v.size());
    ++count;
    const double length = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    if (length == 0) return;
    ++directions;
    for (std::size_t i = 0; i < v.size(); ++i) sum[i] += v[i] / length;
  }
  Mean mean() const {
    const double pairs = count * (count - 1);
    if (pairs <= 0) return {};
    return {std::inner_product(sum.begin(), sum.end(), sum.begin(), -directions) / pairs, 1};
  }
};

class GeometryProbe : public Probe {
 public:
  GeometryProbe(const ProbeSettings& settings, Settings& own)
      : largest_(static_cast<std::uint32_t>(own.number({"channels", "largest channels of the spike tokens that are looked at"}, 3, 1, 8))),
        spikes_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override {
    config_ = config;
    measures_.clear();
    if (looking_closer_) return;
    spikes_.begin(config, rows, tokens);
    sinks_.begin(config, rows, tokens);
    states_.resize(static_cast<std::size_t>(config.states()));
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    const int state = hook.residual();
    if (looking_closer_) {
      if (state == step_up_state() - 1) before_ = graph.keep(x);
      if (state == step_up_state()) after_ = graph.keep(x);
      return;
    }
    spikes_.at(graph, hook, x);
    if (state >= 0)
      measures_[static_cast<std::size_t>(state)] = {graph.keep(top_channels(graph, x, largest_).values), graph.keep(row_norms(graph, x))};
  }

  void attention(Graph& graph, const AttentionCall& call) override {
    if (!looking_closer_) sinks_.attention(graph, call);
    else if (sink_ && call.index == sink_->layer) keys_ = graph.keep(call.k);
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    if (looking_closer_) return collect_vectors(executor, batch);
    spikes_.collect(executor, batch);
    sinks_.collect(executor, batch);
    for (const auto& [state, measure] : measures_) {
      const std::vector<float> top = executor.read_floats(measure.top), norms = executor.read_floats(measure.norms);
      for (std::size_t i = 0; i < norms.size(); ++i) {
        const auto norm = static_cast<double>(norms[i]);
        double squares = 0;
        for (std::size_t c = 0; c < largest_; ++c) squares += std::pow(static_cast<double>(top[i * largest_ + c]) / norm, 2);
        const double range = static_cast<double>(top[i * largest_]) / norm * std::sqrt(config_.d_model);
        states_[state].share.push_back(norm == 0 ? no_direction : static_cast<float>(squares));
        states_[state].range.push_back(norm == 0 ? no_direction : static_cast<float>(range));
      }
    }
  }

  bool again() override {
    if (looking_closer_) return false;
    spikes_.finish();
    if (const auto heads = sinks_.heads(); !heads.empty()) sink_ = SinkScores::strongest(heads);
    return looking_closer_ = true;
  }

  MetricNames yields() const override {
    return {.numbers = {"geometry_bound", "geometry_step_up", "geometry_cosine_before", "geometry_cosine_after", "geometry_key_rank"},
            .lists = {"geometry_share_spike", "geometry_share_rest", "geometry_range_spike", "geometry_range_rest", "geometry_sink_head",
                      "geometry_key_singular_values"}};
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

  /// The first state that has the step-up block's output in it.
  int step_up_state() const { return (spikes_.step_up_block() + config_.blocks_per_state() - 1) / config_.blocks_per_state(); }

  void collect_vectors(Executor& executor, const ProbeBatch& batch) {
    const std::vector<float> before = executor.read_floats(before_), after = executor.read_floats(after_),
                             keys = keys_ ? executor.read_floats(keys_) : std::vector<float>();
    const auto dim = static_cast<std::size_t>(config_.d_model), head_dim = static_cast<std::size_t>(config_.head_dim);
    const auto kv_heads = static_cast<std::size_t>(config_.n_kv_heads),
               head = static_cast<std::size_t>((sink_ ? sink_->head : 0) / (config_.n_heads / config_.n_kv_heads));
    for (std::size_t i = 0; i < std::size_t{batch.rows} * batch.tokens; ++i) {
      if (!spikes_.is_spike(std::size_t{batch.first} * batch.tokens + i)) continue;
      const std::vector<double> x = head_row(before, i, 1, 0, dim), y = head_row(after, i, 1, 0, dim);
      cosines_before_.add(x), cosines_after_.add(y);
      if (spikes_before_.size() < drawn_states) spikes_before_.push_back(x), spikes_after_.push_back(y);
      if (!keys.empty()) key_products_.add(head_row(keys, i, kv_heads, head, head_dim));
    }
  }

  Mean mean(const std::vector<float>& values, bool of_spikes) const {
    Mean mean;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (spikes_.is_spike(i) == of_spikes && values[i] != no_direction) mean.add(static_cast<double>(values[i]));
    return mean;
  }

  void report_states(Metrics& metrics) const {
    std::vector<Mean> share_spike, share_rest, range_spike, range_rest;
    for (const State& state : states_) {
      share_spike.push_back(mean(state.share, true)), share_rest.push_back(mean(state.share, false));
      range_spike.push_back(mean(state.range, true)), range_rest.push_back(mean(state.range, false));
    }
    set_means(metrics, "geometry_share_spike", share_spike);
    set_means(metrics, "geometry_share_rest", share_rest);
    set_means(metrics, "geometry_range_spike", range_spike);
    set_means(metrics, "geometry_range_rest", range_rest);
    metrics.set("geometry_bound", std::sqrt(config_.d_model));
    const std::vector<FigureMark> marks = {{static_cast<double>(step_up_state()), "step up"}};
    const auto draw = [&](const char* title, const std::string& caption, const char* label, const auto& spike, const auto& rest) {
      const auto values = [](const std::vector<Mean>& means) {
        std::vector<double> list;
        for (const Mean& mean : means) list.push_back(mean.value());
        return list;
      };
      add_figure(metrics, {.kind = "line",
                           .title = title,
                           .caption = caption,
                           .x = {.label = "residual state"},
                           .y = {.label = label},
                           .series = {{.name = "spike tokens", .y = values(spike)}, {.name = "other tokens", .y = values(rest)}},
                           .marks = marks});
    };
    draw("Sparsity of the normed state", fmt::format("Share of the squared norm in the {} largest channels, mean over tokens.", largest_),
         "share", share_spike, share_rest);
    draw("Range of the normed state",
         fmt::format("Largest |x| after RMSNorm, mean over tokens; it cannot exceed {:.1f}, the root of the width.",
                     std::sqrt(config_.d_model)),
         "largest |x|", range_spike, range_rest);
  }

  void report_step_up(Metrics& metrics) const {
    if (spikes_before_.empty()) return;  // of a spike that is NaN no token has half
    const auto before = cosines(spikes_before_), after = cosines(spikes_after_);
    metrics.set("geometry_step_up", static_cast<double>(spikes_.step_up_block()));
    set_mean(metrics, "geometry_cosine_before", cosines_before_.mean());
    set_mean(metrics, "geometry_cosine_after", cosines_after_.mean());
    const auto draw = [&](const char* title, const auto& values) {
      add_figure(metrics, {.kind = "heatmap",
                           .title = title,
                           .caption = fmt::format("Cosine of the states of two spike tokens, around block {}; the first {} of them.",
                                                  spikes_.step_up_block(), values.size()),
                           .x = {.label = "spike token"},
                           .y = {.label = "spike token"},
                           .values = values});
    };
    draw("Spike tokens before the step-up block", before);
    draw("Spike tokens after the step-up block", after);
  }

  void report_keys(Metrics& metrics) const {
    constexpr double rounding = 1e-7;  // of f32: singular values below are noise
    if (key_products_.count() == 0) return;
    std::vector<double> values = key_products_.singular_values(), drawn;
    const double largest = std::max(values[0], 1e-300);
    for (double& value : values) {
      value /= largest;
      if (value > rounding) drawn.push_back(value);
    }
    metrics.set("geometry_sink_head", std::vector<double>{static_cast<double>(sink_->layer), static_cast<double>(sink_->head)});
    metrics.set("geometry_key_singular_values", values);
    metrics.set("geometry_key_rank",
                static_cast<double>(std::count_if(values.begin(), values.end(), [](double value) { return value > 0.01; })));
    add_figure(metrics, {.kind = "line",
                         .title = "Singular values of the spike tokens' keys",
                         .caption = fmt::format("{} keys of layer {}, head {}, over the largest singular value.", key_products_.count(),
                                                sink_->layer, sink_->head),
                         .x = {.label = "rank"},
                         .y = {.label = "singular value", .log = true},
                         .series = {{.name = "keys", .y = drawn}}});
  }

  std::uint32_t largest_;
  TransformerConfig config_;
  SpikeTokens spikes_;
  SinkScores sinks_;
  std::optional<SinkScores::Head> sink_;  // none where every attention block is left out
  bool looking_closer_ = false;           // the second pass

  std::map<std::size_t, Measure> measures_;
  std::vector<State> states_;
  Tensor before_, after_, keys_;
  Points spikes_before_, spikes_after_;  // those drawn
  PairCosines cosines_before_, cosines_after_;
  GramMatrix key_products_;
};

const Probes::Registration registration("geometry", [](const ProbeSettings& settings, Settings& own) {
  return std::make_unique<GeometryProbe>(settings, own);
});

}  // namespace
}  // namespace ablate
