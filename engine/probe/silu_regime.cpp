// In which regime SiLU works (Figure 2 of arXiv 2603.05498): near the identity, where gate pre-activations are large and positive, the cosine between
// pre-activation and output and the ratio of their norms are both near 1. Of a mixture, over all experts that a token goes to.
//   silu_cosine_spike, silu_cosine_rest    mean cosine per layer, over spike tokens (SpikeTokens) and over the others
//   silu_ratio_spike, silu_ratio_rest      the same of |silu(z)| / |z|
//   silu_spike_tokens                      how many spike tokens there are
#include "ops/activation.h"
#include "ops/statistics/cosine.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/spike_tokens.h"

#include <array>
#include <cmath>

namespace ablate {
namespace {

constexpr double no_ratio = -1;            // of a token whose pre-activations are all zero
constexpr std::size_t drawn_tokens = 300;  // of each kind, in the scatter plot of a layer

class SiluRegimeProbe : public Probe {
 public:
  explicit SiluRegimeProbe(const ProbeSettings& settings) : spikes_(settings) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override {
    for (const std::string& kind : config.ffn.values())
      require(kind == "swiglu" || kind == "experts", "probe.statistics: silu_regime looks at SwiGLU, this model's ffn is {}", kind);
    spikes_.begin(config, rows, tokens);
    tensors_.clear();
    layers_.resize(static_cast<std::size_t>(config.n_layers));
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    spikes_.at(graph, hook, x);
    if (hook.site != Site::ffn_gate) return;
    const CosineRows rows = cosine_rows(graph, x, activation(graph, "silu", x));
    tensors_[static_cast<std::size_t>(hook.index)] = {graph.keep(rows.cosine), graph.keep(rows.norm_a), graph.keep(rows.norm_b)};
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    spikes_.collect(executor, batch);
    for (const auto& [layer, tensors] : tensors_) {
      const std::vector<float> cosine = executor.read_floats(tensors.cosine), before = executor.read_floats(tensors.norm_a),
                               after = executor.read_floats(tensors.norm_b);
      for (std::size_t i = 0; i < cosine.size(); ++i) {
        layers_[layer].cosine.push_back(static_cast<double>(cosine[i]));
        layers_[layer].ratio.push_back(before[i] == 0 ? no_ratio : static_cast<double>(after[i] / before[i]));
      }
    }
  }

  MetricNames yields() const override {
    return {.numbers = {"silu_spike_tokens"}, .lists = {"silu_cosine_spike", "silu_cosine_rest", "silu_ratio_spike", "silu_ratio_rest"}};
  }
  void finish(Metrics& metrics) override {
    spikes_.finish();
    const std::vector<std::size_t> found = spikes_.spike_tokens();
    std::vector<Mean> cosine_spike, cosine_rest, ratio_spike, ratio_rest;
    for (const Layer& layer : layers_) {
      cosine_spike.push_back(mean(layer.cosine, true)), cosine_rest.push_back(mean(layer.cosine, false));
      ratio_spike.push_back(mean(layer.ratio, true)), ratio_rest.push_back(mean(layer.ratio, false));
    }
    if (!std::isnan(spikes_.spike().value)) metrics.set("silu_spike_tokens", static_cast<double>(found.size()));
    set_means(metrics, "silu_cosine_spike", cosine_spike);
    set_means(metrics, "silu_cosine_rest", cosine_rest);
    set_means(metrics, "silu_ratio_spike", ratio_spike);
    set_means(metrics, "silu_ratio_rest", ratio_rest);
    draw_layers(metrics, "SiLU: cosine of pre-activation and output", "cosine", cosine_spike, cosine_rest);
    draw_layers(metrics, "SiLU: norm of output over pre-activation", "ratio of norms", ratio_spike, ratio_rest);
    for (const FigureMark& mark : spikes_.feed_forward_marks()) draw_tokens(metrics, static_cast<std::size_t>(mark.at), mark.label);
  }

 private:
  struct Layer {
    std::vector<double> cosine, ratio;  // per token
  };

  Mean mean(const std::vector<double>& values, bool of_spikes) const {
    Mean mean;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (spikes_.is_spike(i) == of_spikes && values[i] != no_ratio) mean.add(values[i]);
    return mean;
  }

  void draw_layers(Metrics& metrics, const char* title, const char* label, const std::vector<Mean>& spike,
                   const std::vector<Mean>& rest) const {
    const auto values = [](const std::vector<Mean>& means) {
      std::vector<double> list;
      for (const Mean& mean : means) list.push_back(mean.value());
      return list;
    };
    add_figure(metrics, {.kind = "line",
                         .title = title,
                         .caption = "Mean over tokens in every feed-forward block; at 1, SiLU acts as the identity.",
                         .x = {.label = "layer"},
                         .y = {.label = label},
                         .series = {{.name = "spike tokens", .y = values(spike)}, {.name = "other tokens", .y = values(rest)}},
                         .marks = spikes_.feed_forward_marks()});
  }

  void draw_tokens(Metrics& metrics, std::size_t layer, const std::string& role) const {
    FigureSeries spike{.name = "spike tokens"}, rest{.name = "other tokens"};
    for (std::size_t i = 0; i < layers_[layer].cosine.size(); ++i) {
      FigureSeries& series = spikes_.is_spike(i) ? spike : rest;
      if (series.x.size() >= drawn_tokens || layers_[layer].ratio[i] == no_ratio) continue;
      series.x.push_back(layers_[layer].ratio[i]);
      series.y.push_back(layers_[layer].cosine[i]);
    }
    std::vector<FigureSeries> series;
    for (FigureSeries& one : std::array{spike, rest})
      if (!one.x.empty()) series.push_back(one);
    add_figure(metrics, {.kind = "scatter",
                         .title = "SiLU's regime in the feed-forward of layer " + std::to_string(layer) + " (" + role + ")",
                         .caption = "One point per token.",
                         .x = {.label = "norm of output over pre-activation"},
                         .y = {.label = "cosine"},
                         .series = series});
  }

  SpikeTokens spikes_;
  std::map<std::size_t, CosineRows> tensors_;
  std::vector<Layer> layers_;
};

const Probes::Registration registration("silu_regime", [](const ProbeSettings& settings, Settings&) {
  return std::make_unique<SiluRegimeProbe>(settings);
});

}  // namespace
}  // namespace ablate
