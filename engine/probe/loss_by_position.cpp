// Where in a sequence tokens are predicted well. [probe] statistics = ["loss_by_position"], [probe.loss_by_position] width = 64.
//   loss_by_position         mean loss in nats of positions 0 .. width - 1, width .. 2 width - 1, and so on; the last may be fewer
//   perplexity_by_position   exp of it
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/probe.h"

#include <cmath>

namespace ablate {
namespace {

constexpr std::uint32_t parts = 32;  // of a sequence, where no width is given

class LossByPosition : public Probe {
 public:
  explicit LossByPosition(int width) : width_(static_cast<std::uint32_t>(width)) {}

  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t tokens) override {
    if (width_ == 0) width_ = std::max(1u, (tokens + parts - 1) / parts);
    means_.resize((tokens + width_ - 1) / width_);
  }
  void losses(Graph& graph, const Tensor& losses) override { losses_ = graph.keep(losses); }
  void collect(Executor& executor, const ProbeBatch& batch) override {
    const std::vector<float> all = executor.read_floats(losses_);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (batch.targets[i] >= 0) means_[i % batch.tokens / width_].add(static_cast<double>(all[i]));
  }
  MetricNames yields() const override { return {.numbers = {}, .lists = {"loss_by_position", "perplexity_by_position"}}; }
  void finish(Metrics& metrics) override {
    set_means(metrics, "loss_by_position", means_);
    FigureSeries series{.name = "perplexity"};
    for (std::size_t part = 0; part < means_.size(); ++part) {
      series.x.push_back(static_cast<double>(part * width_));
      series.y.push_back(std::exp(means_[part].value()));
    }
    if (std::any_of(means_.begin(), means_.end(), [](const Mean& mean) { return mean.any(); }))
      metrics.set("perplexity_by_position", series.y);
    add_figure(metrics, {.kind = "line",
                         .title = "Perplexity by position",
                         .caption = fmt::format("Of {} positions at a time.", width_),
                         .x = {.label = "position"},
                         .y = {.label = "perplexity", .log = true},
                         .series = {series}});
  }

 private:
  std::uint32_t width_;
  Tensor losses_;
  std::vector<Mean> means_;
};

const Probes::Registration registration("loss_by_position", [](const ProbeSettings&, Settings& own) {
  return std::make_unique<LossByPosition>(
      own.number({"width", "positions that one mean is over; 0 divides the window into equal parts"}, 0, 0));
});

}  // namespace
}  // namespace ablate
