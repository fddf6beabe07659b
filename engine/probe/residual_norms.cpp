// Residual peak (Guo et al. 2024, arXiv 2410.13835, and the proxy of Gu et al. 2025): L2 norms of the residual states.
//   residual_norm_first, residual_norm_rest   per state: mean norm of the first token, and of the others (absent in sequences of one token)
#include "ops/statistics/row_norms.h"
#include "probe/mean.h"
#include "probe/probe.h"

namespace ablate {
namespace {

class ResidualNormProbe : public Probe {
 public:
  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override { norms_.clear(); }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (hook.residual() < 0) return;
    norms_.push_back(graph.keep(row_norms(graph, x)));
    means_.resize(std::max(means_.size(), norms_.size()));
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (std::size_t state = 0; state < norms_.size(); ++state) {
      const std::vector<float> norms = executor.read_floats(norms_[state]);
      for (std::size_t i = 0; i < norms.size(); ++i)
        (i % batch.tokens == 0 ? means_[state].first : means_[state].rest).add(static_cast<double>(norms[i]));
    }
  }

  MetricNames yields() const override { return {.numbers = {}, .lists = {"residual_norm_first", "residual_norm_rest"}}; }
  void finish(Metrics& metrics) override {
    std::vector<Mean> first, rest;
    for (const Means& means : means_) first.push_back(means.first), rest.push_back(means.rest);
    set_means(metrics, "residual_norm_first", first);
    set_means(metrics, "residual_norm_rest", rest);
  }

 private:
  struct Means {
    Mean first, rest;
  };
  std::vector<Tensor> norms_;  // (B * T) per state
  std::vector<Means> means_;
};

const Probes::Registration registration("residual_norms",
                                        [](const ProbeSettings&, Settings&) { return std::make_unique<ResidualNormProbe>(); });

}  // namespace
}  // namespace ablate
