// The statistic "sqnr" measures it of hook points under a quantization that the model itself does not have: [probe.sqnr] at = "linear_inputs" and the keys of do =
// "quantize" (docs/cost.md). Rows with do = "quantize" have it of what they quantize (probe/changes.h).
#include "probe/sqnr.h"

#include "ops/hadamard.h"
#include "ops/statistics/row_errors.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/quantization_settings.h"

#include <algorithm>
#include <cmath>

namespace ablate {

void SqnrSums::watch(Graph& graph, const std::string& name, const Tensor& before, const Tensor& after, std::uint32_t except_tokens,
                     bool once) {
  const std::uint32_t tokens = before.shape.size() == 3 ? before.dim(1) : 1;
  watched_.push_back({name, graph.keep(row_errors(graph, before, after)), tokens, except_tokens, once});
  if (std::none_of(sums_.begin(), sums_.end(), [&](const Sums& sums) { return sums.name == name; })) sums_.push_back({name, 0, 0});
}

void SqnrSums::collect(Executor& executor, const ProbeBatch& batch) {
  for (const Watched& watched : watched_) {
    if (watched.once && batch.first > 0) continue;
    Sums& sums = *std::find_if(sums_.begin(), sums_.end(), [&](const Sums& one) { return one.name == watched.name; });
    const std::vector<float> rows = executor.read_floats(watched.sums);
    for (std::size_t r = 0; r < rows.size() / 2; ++r) {
      if (r % watched.tokens < watched.except_tokens) continue;
      sums.signal += static_cast<double>(rows[2 * r]);
      sums.noise += static_cast<double>(rows[2 * r + 1]);
    }
  }
}

MetricNames SqnrSums::names(const std::string& prefix) { return {.numbers = {prefix, prefix + "_worst"}, .lists = {prefix + "_per_hook"}}; }

void SqnrSums::finish(Metrics& metrics, const std::string& prefix, const std::string& title) const {
  if (sums_.empty()) return;
  Mean mean;
  double worst = std::numeric_limits<double>::infinity();
  std::vector<Mean> each;
  FigureSeries series{.name = "SQNR"};
  for (const Sums& sums : sums_) {
    Mean& one = each.emplace_back();
    if (!(sums.signal <= 0) && !(sums.noise <= 0)) one.add(10 * std::log10(sums.signal / sums.noise));
    if (one.any()) mean.add(one.value()), worst = std::isnan(one.value()) || one.value() < worst ? one.value() : worst;
    series.y.push_back(one.value()), series.labels.push_back(sums.name);
  }
  set_mean(metrics, prefix, mean);
  if (mean.any()) metrics.set(prefix + "_worst", worst);
  set_means(metrics, prefix + "_per_hook", each);
  add_figure(metrics, {.kind = "bar",
                       .title = title,
                       .caption = "Signal over the noise of its codes, over all sequences.",
                       .x = {.label = "place", .categories = series.labels},
                       .y = {.label = "dB"},
                       .series = {series}});
}

namespace {

class SqnrProbe : public Probe {
 public:
  SqnrProbe(std::vector<std::string> patterns, std::string where, QuantizationSettings quantization)
      : patterns_(std::move(patterns)), where_(std::move(where)), quantization_(std::move(quantization)) {}

  void begin(const TransformerConfig& config, std::uint32_t, std::uint32_t tokens) override {
    for (const std::string& pattern : patterns_) matching_tensors(config, pattern, where_);
    require(quantization_.quantization.except_tokens < tokens, "{}: sequences of {} have no tokens but the first {}", where_, tokens,
            quantization_.quantization.except_tokens);
    sums_.begin();
  }
  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (std::none_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) { return hook_matches(pattern, hook); })) return;
    if (!hook.every_sequence) return;
    Quantization q = quantization_.quantization;
    q.heads = hook.heads;
    sums_.watch(graph, hook.name(), x, quantization_.turned ? quantize_turned(graph, x, q) : quantize(graph, x, q), q.except_tokens, false);
  }
  void collect(Executor& executor, const ProbeBatch& batch) override { sums_.collect(executor, batch); }
  void finish(Metrics& metrics) override { sums_.finish(metrics, "sqnr", "Signal to quantization noise"); }
  MetricNames yields() const override { return SqnrSums::names("sqnr"); }
  bool wants_logits() const override {
    return std::any_of(patterns_.begin(), patterns_.end(), [](const auto& pattern) { return hook_matches(pattern, "logits"); });
  }

 private:
  std::vector<std::string> patterns_;
  std::string where_;
  QuantizationSettings quantization_;
  SqnrSums sums_;
};

const Probes::Registration registration("sqnr", [](const ProbeSettings&, Settings& own) {
  const auto patterns = own.get<std::vector<std::string>>({"at", "hook points, by name or pattern"}, {"linear_inputs"});
  const QuantizationSettings quantization = QuantizationSettings::from(own);
  require(!quantization.static_range, "{}: the statistic sqnr knows dynamic ranges only", own.where("range"));
  std::map<std::string, std::string, std::less<>> places;
  quantization.check(false, [&](std::string_view key) -> const std::string& { return places[std::string(key)] = own.where(key); });
  return std::make_unique<SqnrProbe>(patterns, own.where("at"), quantization);
});

}  // namespace
}  // namespace ablate
