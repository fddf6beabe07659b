// The proxy of Gu et al. 2025 (arXiv 2410.10781) for massive activations on the first token:
//   norm_ratio   per residual state: |h| of the first token over the mean |h| of the others (L2 norms), mean over sequences. After decoder layer l that is
//                entry 2 l; absent in sequences of one token
#include "ops/statistics/first_token_norm_ratio.h"
#include "ops/statistics/row_norms.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/probe.h"

namespace ablate {
namespace {

class NormRatioProbe : public Probe {
 public:
  void begin(const TransformerConfig&, std::uint32_t rows, std::uint32_t tokens) override {
    rows_ = rows, tokens_ = tokens;
    ratios_.clear();
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (hook.residual() < 0 || tokens_ < 2) return;
    ratios_.push_back(graph.keep(first_token_norm_ratio(graph, graph.reshape(row_norms(graph, x), {rows_, tokens_}))));
    means_.resize(std::max(means_.size(), ratios_.size()));
  }

  void collect(Executor& executor, const ProbeBatch&) override {
    for (std::size_t state = 0; state < ratios_.size(); ++state)
      for (const float ratio : executor.read_floats(ratios_[state])) means_[state].add(static_cast<double>(ratio));
  }

  MetricNames yields() const override { return {.numbers = {}, .lists = {"norm_ratio"}}; }
  void finish(Metrics& metrics) override {
    set_means(metrics, "norm_ratio", means_);
    if (!metrics.find("norm_ratio")) return;
    add_figure(metrics,
               {.kind = "line",
                .title = "Norm of the first token",
                .caption = "L2 norm of the first token's state over the mean norm of the others, mean over sequences (Gu et al. 2025).",
                .x = {.label = "residual state"},
                .y = {.label = "ratio", .log = true},
                .series = {{.name = "first token over others", .y = std::get<std::vector<double>>(*metrics.find("norm_ratio"))}}});
  }

 private:
  std::uint32_t rows_ = 0, tokens_ = 0;
  std::vector<Tensor> ratios_;  // (B) per state
  std::vector<Mean> means_;
};

const Probes::Registration registration("norm_ratio", [](const ProbeSettings&, Settings&) { return std::make_unique<NormRatioProbe>(); });

}  // namespace
}  // namespace ablate
