// Statistic "quadratic_forms": Figures 3 and 4 of arXiv 2603.05498. Its table:
//   channels = [...]   whose spectra are wanted; the spike's three largest channels (or as many as it has), and as many with ordinary norms
//                      for comparison
//   layer = N          in which layer's feed-forward; the first step-up block's
//   expert = N         of a mixture: which of its experts, the last being the one that every token goes through; that with the largest norm in the spike's
//                      first channel
//   eigenvalues = 16   how many of each spectrum are listed
// Metrics:
//   form_norms              (feed-forwards, channels): ||U_k||_F of every output channel of every feed-forward: one a layer, or one an expert
//   form_top_channels       (feed-forwards, 3): the channels with the largest norm
//   form_feed_forwards      (feed-forwards, 2): layer and expert of those rows
//   form_layer, form_expert, form_channels    where spectra were taken; form_expert is 0 of a feed-forward that is no mixture
//   form_eigenvalues        (those channels, eigenvalues), largest magnitude first; form_leading_share: the first's share in the sum of
//   squares form_alignment          (channels, channels): |cosine| between leading eigenvectors
#include "base/settings.h"
#include "probe/figures.h"
#include "probe/quadratic_form.h"
#include "probe/spike_tokens.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ablate {
namespace {

constexpr std::size_t spike_channels = 3;

std::vector<std::uint32_t> by_size(const std::vector<double>& values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return values[a] > values[b]; });
  return order;
}

class QuadraticFormsProbe : public Probe {
 public:
  QuadraticFormsProbe(const ProbeSettings& settings, Settings& own)
      : spikes_(settings),
        where_(own.where("channels")),
        where_expert_(own.where("expert")),
        channels_(own.get<std::vector<int>>({"channels", "channels whose quadratic forms are analysed; the spike's if absent"}, {})),
        layer_(own.number({"layer", "layer looked at; -1 takes the step-up block's"}, -1, -1)),
        expert_(own.number({"expert", "expert looked at; -1 takes the one that the spike token has most of"}, -1, -1)),
        count_(own.number({"eigenvalues", "largest eigenvalues listed"}, 16, 1, 256)) {}

  void model(Pipelines& pipelines, const Weights& weights) override { pipelines_ = &pipelines, weights_ = &weights; }
  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens) override { spikes_.begin(config, rows, tokens); }
  void at(Graph& graph, const Hook& hook, const Tensor& x) override { spikes_.at(graph, hook, x); }
  void collect(Executor& executor, const ProbeBatch& batch) override { spikes_.collect(executor, batch); }

  MetricNames yields() const override {
    return {.numbers = {"form_layer", "form_expert"},
            .lists = {"form_norms", "form_top_channels", "form_feed_forwards", "form_channels", "form_eigenvalues", "form_leading_share",
                      "form_alignment"}};
  }
  void finish(Metrics& metrics) override {
    spikes_.finish();
    const TransformerConfig& config = weights_->config();
    if (layer_ < 0) layer_ = std::max(0, spikes_.step_up_block() / 2 - 1);
    require(layer_ < config.n_layers, "{}: layer {} of a model of {}", where_, layer_, config.n_layers);
    for (const int channel : channels_)
      require(channel >= 0 && channel < config.d_model, "{}: channel {} of a model of {}", where_, channel, config.d_model);
    for (int layer = 0; layer < config.n_layers; ++layer) {
      const std::vector<FoldedFeedForward> all = FoldedFeedForward::of(*weights_, layer);
      for (std::size_t i = 0; i < all.size(); ++i) {
        norms_.push_back(form_norms(*pipelines_, all[i]));
        feed_forwards_.push_back({static_cast<double>(layer), static_cast<double>(i)});
      }
      if (layer == layer_) take_spectra(all);
    }
    metrics.set("form_feed_forwards", feed_forwards_);
    metrics.set("form_expert", static_cast<double>(expert_));
    report_norms(metrics);
    report_spectra(metrics);
  }

 private:
  /// `all`: of the layer, whose norms are the last.
  void take_spectra(const std::vector<FoldedFeedForward>& all) {
    const auto count = static_cast<int>(all.size());
    const std::size_t first = norms_.size() - all.size(),
                      channel = spikes_.spike().channels.empty() ? 0 : static_cast<std::size_t>(spikes_.spike().channels[0]);
    require(expert_ < count, "{}: feed-forward {} of layer {}, which has {}", where_expert_, expert_, layer_, count);
    if (expert_ < 0) {
      const auto larger = [&](const auto& a, const auto& b) { return a[channel] < b[channel]; };
      expert_ =
          static_cast<int>(std::max_element(norms_.begin() + static_cast<std::ptrdiff_t>(first), norms_.end(), larger) - norms_.begin()) -
          static_cast<int>(first);
    }
    at_ = first + static_cast<std::size_t>(expert_);
    const FoldedFeedForward& ffn = all[static_cast<std::size_t>(expert_)];
    std::vector<int> chosen = channels_;
    if (chosen.empty()) {
      chosen = spikes_.spike().channels;
      chosen.resize(std::min(chosen.size(), spike_channels));
      std::sort(chosen.begin(), chosen.end());
      const std::vector<std::uint32_t> order = by_size(norms_[at_]);
      const std::size_t spikes = chosen.size();
      for (std::size_t i = order.size() / 2; i < order.size() && chosen.size() < 2 * spikes; ++i)
        if (std::find(chosen.begin(), chosen.end(), static_cast<int>(order[i])) == chosen.end())
          chosen.push_back(static_cast<int>(order[i]));
    }
    channels_ = chosen;
    for (const int channel : channels_)
      spectra_.push_back(spectrum(symmetric_form(*pipelines_, ffn, static_cast<std::uint32_t>(channel)), ffn.channels,
                                  static_cast<std::uint32_t>(count_)));
  }

  void report_norms(Metrics& metrics) const {
    std::vector<std::vector<double>> top;
    FigureSeries largest{.name = "largest"}, median{.name = "median"};
    for (const auto& norms : norms_) {
      const std::vector<std::uint32_t> order = by_size(norms);
      top.emplace_back(order.begin(), order.begin() + std::min<std::ptrdiff_t>(3, std::ssize(order)));
      largest.y.push_back(norms[order[0]]);
      largest.labels.push_back("channel " + std::to_string(order[0]));
      median.y.push_back(norms[order[order.size() / 2]]);
    }
    metrics.set("form_norms", norms_);
    metrics.set("form_top_channels", top);
    add_figure(metrics, {.kind = "line",
                         .title = "Quadratic forms: norm per feed-forward",
                         .caption = "Frobenius norm of U_k over the output channels k of every feed-forward, from the weights.",
                         .x = {.label = norms_.size() > static_cast<std::size_t>(weights_->config().n_layers) ? "feed-forward" : "layer"},
                         .y = {.label = "norm of U_k", .log = true},
                         .series = {largest, median},
                         .marks = norms_.size() > static_cast<std::size_t>(weights_->config().n_layers) ? std::vector<FigureMark>{}
                                                                                                        : spikes_.feed_forward_marks()});
    FigureSeries here{.name = "channels"};
    const auto& norms = norms_[at_];
    for (const std::uint32_t k : by_size(norms)) here.y.push_back(norms[k]), here.labels.push_back("channel " + std::to_string(k));
    add_figure(metrics, {.kind = "line",
                         .title = "Quadratic forms: channels of the step-up block, by norm",
                         .caption = "Frobenius norm of U_k in layer " + std::to_string(layer_) + ", largest first.",
                         .x = {.label = "rank"},
                         .y = {.label = "norm of U_k", .log = true},
                         .series = {here}});
  }

  void report_spectra(Metrics& metrics) const {
    std::vector<double> shares;
    std::vector<std::vector<double>> eigenvalues, alignment;
    std::vector<FigureSeries> series;
    std::vector<std::string> names;
    for (std::size_t a = 0; a < spectra_.size(); ++a) {
      shares.push_back(spectra_[a].share);
      eigenvalues.push_back(spectra_[a].eigenvalues);
      names.push_back("channel " + std::to_string(channels_[a]));
      FigureSeries& line = series.emplace_back(FigureSeries{.name = names.back()});
      for (const double value : spectra_[a].eigenvalues) line.y.push_back(std::abs(value));
      alignment.emplace_back();
      for (const Spectrum& other : spectra_)
        alignment.back().push_back(
            std::abs(std::inner_product(other.leading.begin(), other.leading.end(), spectra_[a].leading.begin(), 0.0)));
    }
    metrics.set("form_layer", static_cast<double>(layer_));
    metrics.set("form_channels", std::vector<double>(channels_.begin(), channels_.end()));
    metrics.set("form_eigenvalues", eigenvalues);
    metrics.set("form_leading_share", shares);
    metrics.set("form_alignment", alignment);
    if (spectra_.empty()) return;
    add_figure(metrics, {.kind = "line",
                         .title = "Quadratic forms: spectrum of S_k",
                         .caption = "Magnitudes of the eigenvalues in the step-up block's layer " + std::to_string(layer_) + ".",
                         .x = {.label = "rank"},
                         .y = {.label = "|eigenvalue|", .log = true},
                         .series = series});
    add_figure(metrics, {.kind = "heatmap",
                         .title = "Quadratic forms: leading eigenvectors",
                         .caption = "Magnitude of the cosine between the leading eigenvectors of S_k.",
                         .x = {.categories = names},
                         .y = {.categories = names},
                         .values = alignment});
  }

  SpikeTokens spikes_;
  std::string where_, where_expert_;
  std::vector<int> channels_;
  int layer_, expert_, count_;
  Pipelines* pipelines_ = nullptr;
  const Weights* weights_ = nullptr;
  std::vector<std::vector<double>> norms_, feed_forwards_;  // (feed-forwards, channels); layer and number of each
  std::size_t at_ = 0;                                      // whose spectra are taken
  std::vector<Spectrum> spectra_;
};

const Probes::Registration registration("quadratic_forms", [](const ProbeSettings& settings, Settings& own) {
  return std::make_unique<QuadraticFormsProbe>(settings, own);
});

}  // namespace
}  // namespace ablate
