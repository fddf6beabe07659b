// Residual peak (Guo et al. 2024, arXiv 2410.13835, and the proxy of Gu et al. 2025): L2 norms of the residual states.
//   residual_norm_first, residual_norm_rest   per state: mean norm of the first token, and of the others
#include "ops/statistics/row_norms.h"
#include "probe/probe.h"

namespace ablate {
namespace {

class ResidualNormProbe : public Probe {
 public:
  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override { norms_.clear(); }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (hook.residual() < 0) return;
    norms_.push_back(graph.keep(row_norms(graph, x)));
    sums_.resize(std::max(sums_.size(), norms_.size()));
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (std::size_t state = 0; state < norms_.size(); ++state) {
      const std::vector<float> norms = executor.read_floats(norms_[state]);
      for (std::size_t i = 0; i < norms.size(); ++i)
        (i % batch.tokens == 0 ? sums_[state].first : sums_[state].rest) += static_cast<double>(norms[i]);
    }
    firsts_ += batch.rows;
    rests_ += static_cast<double>(batch.rows) * (batch.tokens - 1);
  }

  void finish(Metrics& metrics) override {
    std::vector<double> first, rest;
    for (const Sum& sum : sums_) {
      first.push_back(sum.first / firsts_);
      rest.push_back(rests_ > 0 ? sum.rest / rests_ : 0);
    }
    metrics.set("residual_norm_first", first);
    metrics.set("residual_norm_rest", rest);
  }

 private:
  struct Sum {
    double first = 0, rest = 0;
  };
  std::vector<Tensor> norms_;  // (B * T) per state
  std::vector<Sum> sums_;
  double firsts_ = 0, rests_ = 0;
};

const Probes::Registration registration("residual_norms",
                                        [](const ProbeSettings&, Settings&) { return std::make_unique<ResidualNormProbe>(); });

}  // namespace
}  // namespace ablate
