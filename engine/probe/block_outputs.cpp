// What the blocks write into the residual stream (right half of Figure 1 of arXiv 2603.05498): a picture of the largest magnitudes of every
// block's output, top_k of them and the median, each a mean over sequences.
//   median_per_block    the medians, NaN for a block that an intervention leaves out; SpikeProbe measures the others as top_per_block
#include "ops/statistics/median_abs.h"
#include "ops/statistics/top_entries.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/probe.h"

#include <map>

namespace ablate {
namespace {

constexpr const char* ranks[] = {"largest", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"};

class BlockOutputsProbe : public Probe {
 public:
  explicit BlockOutputsProbe(const ProbeSettings& settings) : top_k_(static_cast<std::uint32_t>(settings.top_k)) {}

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t) override {
    rows_ = rows;
    blocks_.clear();
    means_.resize(static_cast<std::size_t>(config.blocks()), {std::vector<Mean>(top_k_), {}});
  }

  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    const int block = hook.block();
    if (block < 0) return;
    blocks_[static_cast<std::size_t>(block) - 1] = {graph.keep(top_entries(graph, top_channels(graph, x, top_k_), rows_).values),
                                                    graph.keep(median_abs(graph, x, rows_))};
  }

  void collect(Executor& executor, const ProbeBatch&) override {
    for (const auto& [block, tensors] : blocks_) {
      const std::vector<float> top = executor.read_floats(tensors.top);
      for (std::size_t i = 0; i < top.size(); ++i) means_[block].top[i % top_k_].add(static_cast<double>(top[i]));
      for (const float median : executor.read_floats(tensors.medians)) means_[block].median.add(static_cast<double>(median));
    }
  }

  MetricNames yields() const override { return {.numbers = {}, .lists = {"median_per_block"}}; }
  void finish(Metrics& metrics) override {
    std::vector<FigureSeries> lines;
    for (std::uint32_t k = 0; k < top_k_; ++k) lines.push_back({.name = ranks[k]});
    lines.push_back({.name = "median"});
    for (std::size_t block = 0; block < means_.size(); ++block) {
      for (FigureSeries& line : lines) line.x.push_back(static_cast<double>(block + 1));
      for (std::uint32_t k = 0; k < top_k_; ++k) lines[k].y.push_back(means_[block].top[k].value());
      lines.back().y.push_back(means_[block].median.value());
    }
    metrics.set("median_per_block", lines.back().y);
    add_figure(
        metrics,
        {.kind = "line",
         .title = "What the blocks write",
         .caption =
             "Largest magnitudes of every block's output and their median, means over sequences. Odd blocks are attention, even ones "
             "feed-forward.",
         .x = {.label = "block"},
         .y = {.label = "magnitude", .log = true},
         .series = lines});
  }

 private:
  struct Tensors {
    Tensor top, medians;  // (B, k), (B)
  };
  struct Means {
    std::vector<Mean> top;
    Mean median;
  };

  std::uint32_t top_k_, rows_ = 0;
  std::map<std::size_t, Tensors> blocks_;
  std::vector<Means> means_;  // per block, over sequences
};

const Probes::Registration registration("block_outputs", [](const ProbeSettings& settings, Settings&) {
  return std::make_unique<BlockOutputsProbe>(settings);
});

}  // namespace
}  // namespace ablate
