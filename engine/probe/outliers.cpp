// Outliers of hook-point tensors, as papers on quantization count them. [probe] statistics = ["outliers"], [probe.outliers] at = [...].
//   kurtosis         per sequence of its whole tensor (T, C), k = mean((x - mean)^4) / (std^4 + 1e-6) with std over n - 1; averaged over sequences, then
//                    over hook points; a normal distribution has 3 (Bondarenko et al. 2023, arXiv 2306.12929, and their code)
//   excess_kurtosis  kurtosis - 3 (as in outlier-safe pre-training, Park et al. 2025, arXiv 2506.19697)
//   max_kurtosis     the largest of a hook point
//   max_inf_norm     the largest over hook points of the mean over sequences of max |x| (Bondarenko et al. 2023)
//   peak_to_median   the largest over hook points of the mean over sequences of max_t M(t) / median_t M(t), with M(t) the largest |x| of token t (Chen et al.
//                    2024, PrefixQuant, arXiv 2410.05265)
//   kurtosis_per_hook, inf_norm_per_hook, peak_to_median_per_hook   the same per hook point, in the order of the forward pass
#include "ops/statistics/row_moments.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/probe.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

constexpr double least_deviation = 1e-6;  // what the definition adds to std^4

/// Moments of one sequence from those of its rows, which have all the same number of entries (Pebay 2008, equations 1.5 and 2.1).
double kurtosis_of(const float* rows, std::size_t count, double entries) {
  double mean = 0, squares = 0, fourths = 0;
  for (std::size_t r = 0; r < count; ++r) mean += static_cast<double>(rows[5 * r]) / static_cast<double>(count);
  for (std::size_t r = 0; r < count; ++r) {
    const double d = static_cast<double>(rows[5 * r]) - mean, m2 = static_cast<double>(rows[5 * r + 1]),
                 m3 = static_cast<double>(rows[5 * r + 2]), m4 = static_cast<double>(rows[5 * r + 3]);
    squares += m2 + entries * d * d;
    fourths += m4 + 4 * d * m3 + 6 * d * d * m2 + entries * d * d * d * d;
  }
  const double n = entries * static_cast<double>(count), variance = squares / (n - 1);
  return fourths / n / (variance * variance + least_deviation);
}

class OutlierProbe : public Probe {
 public:
  /// Without patterns the modules of Bondarenko et al.: both norms of a layer, both blocks' outputs, the layer's output, and the final norm.
  OutlierProbe(std::vector<std::string> patterns, std::string where) : patterns_(std::move(patterns)), where_(std::move(where)) {}

  void begin(const TransformerConfig& config, std::uint32_t, std::uint32_t) override {
    for (const std::string& pattern : patterns_) matching_tensors(config, pattern, where_);
    per_layer_ = config.has_ffn() && config.blocks_per_state() == 1 ? 2 : 1;
    tensors_.clear();
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (!wants(hook) || !hook.every_sequence) return;
    const std::string name = hook.name();
    if (std::none_of(hooks_.begin(), hooks_.end(), [&](const Seen& seen) { return seen.name == name; }))
      hooks_.push_back({name, {}, {}, {}});
    tensors_.push_back({name, graph.keep(row_moments(graph, x)), x.dim(1), x.dim(2)});
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (const Watched& watched : tensors_) {
      const std::vector<float> rows = executor.read_floats(watched.moments);
      Seen& seen = *std::find_if(hooks_.begin(), hooks_.end(), [&](const Seen& one) { return one.name == watched.name; });
      for (std::size_t sequence = 0; sequence < batch.rows; ++sequence) add(seen, &rows[5 * watched.tokens * sequence], watched);
    }
  }

  bool wants_logits() const override {
    return std::any_of(patterns_.begin(), patterns_.end(), [](const auto& pattern) { return hook_matches(pattern, "logits"); });
  }

  MetricNames yields() const override {
    return {.numbers = {"kurtosis", "excess_kurtosis", "max_kurtosis", "max_inf_norm", "peak_to_median"},
            .lists = {"kurtosis_per_hook", "inf_norm_per_hook", "peak_to_median_per_hook"}};
  }

  void finish(Metrics& metrics) override {
    std::vector<Mean> kurtosis, norm, peak;
    std::vector<std::string> names;
    Mean average;
    double largest = -1, largest_norm = -1, largest_peak = -1;
    for (const Seen& seen : hooks_) {
      names.push_back(seen.name), kurtosis.push_back(seen.kurtosis), norm.push_back(seen.norm), peak.push_back(seen.peak);
      if (seen.kurtosis.any()) average.add(seen.kurtosis.value()), raise(largest, seen.kurtosis.value());
      if (seen.norm.any()) raise(largest_norm, seen.norm.value());
      if (seen.peak.any()) raise(largest_peak, seen.peak.value());
    }
    set_mean(metrics, "kurtosis", average);
    if (average.any()) metrics.set("excess_kurtosis", average.value() - 3);
    if (average.any()) metrics.set("max_kurtosis", largest);
    if (largest_norm != -1) metrics.set("max_inf_norm", largest_norm);
    if (largest_peak != -1) metrics.set("peak_to_median", largest_peak);
    set_means(metrics, "kurtosis_per_hook", kurtosis);
    set_means(metrics, "inf_norm_per_hook", norm);
    set_means(metrics, "peak_to_median_per_hook", peak);
    draw(metrics, "Kurtosis", "Mean over sequences, per hook point; a normal distribution has 3.", "kurtosis", names, kurtosis);
    draw(metrics, "Largest token over the median one", "Mean over sequences, per hook point.", "ratio", names, peak);
  }

 private:
  struct Watched {
    std::string name;
    Tensor moments;
    std::size_t tokens, channels;
  };
  struct Seen {
    std::string name;
    Mean kurtosis, norm, peak;
  };

  bool wants(const Hook& hook) const {
    if (!patterns_.empty())
      return std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) { return hook_matches(pattern, hook); });
    const bool layer_output = hook.residual() > 0 && hook.residual() % per_layer_ == 0;
    return layer_output || hook.site == Site::input_norm || hook.site == Site::final_norm || hook.site == Site::block;
  }

  static void add(Seen& seen, const float* rows, const Watched& watched) {
    if (watched.tokens * watched.channels > 1) seen.kurtosis.add(kurtosis_of(rows, watched.tokens, static_cast<double>(watched.channels)));
    std::vector<float> largest;
    bool finite = true;
    for (std::size_t t = 0; t < watched.tokens; ++t) largest.push_back(rows[5 * t + 4]), finite = finite && std::isfinite(rows[5 * t + 4]);
    if (!finite) {
      for (Mean* mean : {&seen.norm, &seen.peak}) mean->add(std::numeric_limits<double>::quiet_NaN());
      return;
    }
    std::sort(largest.begin(), largest.end());
    seen.norm.add(static_cast<double>(largest.back()));
    const double median =
        static_cast<double>(largest[(largest.size() - 1) / 2]);  // of an even number the lower of the middle two, as elsewhere
    if (median > 0) seen.peak.add(static_cast<double>(largest.back()) / median);
  }

  static void draw(Metrics& metrics, const char* title, const char* caption, const char* label, const std::vector<std::string>& names,
                   const std::vector<Mean>& means) {
    FigureSeries series{.name = label};
    for (const Mean& mean : means) series.y.push_back(mean.value());
    series.labels = names;
    add_figure(metrics, {.kind = "bar",
                         .title = title,
                         .caption = caption,
                         .x = {.label = "hook point", .categories = names},
                         .y = {.label = label, .log = true},
                         .series = {series}});
  }

  std::vector<std::string> patterns_;
  std::string where_;
  int per_layer_ = 2;  // residual states
  std::vector<Watched> tensors_;
  std::vector<Seen> hooks_;
};

const Probes::Registration registration("outliers", [](const ProbeSettings&, Settings& own) {
  return std::make_unique<OutlierProbe>(own.get<std::vector<std::string>>({"at", "hook points, by name or pattern"}, {}), own.where("at"));
});

}  // namespace
}  // namespace ablate
