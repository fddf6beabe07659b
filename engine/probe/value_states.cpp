// Value-state drain (Guo et al. 2024, arXiv 2410.13835): the norms of what the first token would contribute if every head attended to it
// alone.
//   value_norm_first, value_norm_rest          mean |v| of the first token and of the others, per attention block
//   value_output_first, value_output_rest      the same of W_O v (where every head has values of its own)
#include "ops/matmul.h"
#include "ops/statistics/row_norms.h"
#include "probe/figures.h"
#include "probe/mean.h"
#include "probe/mixers.h"
#include "probe/probe.h"

#include <map>

namespace ablate {
namespace {

class ValueStateProbe : public Probe {
 public:
  void begin(const TransformerConfig& config, std::uint32_t, std::uint32_t) override {
    calls_.clear();
    layers_.resize(static_cast<std::size_t>(config.mixing_blocks()));
    notes_ = why_not_all_layers(config, "value states");
  }

  void attention(Graph& graph, const AttentionCall& call) override {
    Tensors tensors{graph.keep(row_norms(graph, call.v)), {}};
    if (call.options.heads == call.options.kv_heads)
      tensors.output = graph.keep(row_norms(graph, linear(graph, call.v, call.output_weight)));
    const auto layer = static_cast<std::size_t>(call.index);
    calls_[layer] = tensors;
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (const auto& [layer, tensors] : calls_) {
      add(layers_[layer].value_first, layers_[layer].value_rest, executor.read_floats(tensors.value), batch);
      if (tensors.output) add(layers_[layer].output_first, layers_[layer].output_rest, executor.read_floats(tensors.output), batch);
    }
  }

  std::vector<std::string> notes() const override { return notes_; }
  MetricNames yields() const override {
    return {.numbers = {}, .lists = {"value_norm_first", "value_norm_rest", "value_output_first", "value_output_rest"}};
  }
  void finish(Metrics& metrics) override {
    const auto all = [&](Mean Layer::*which) {
      std::vector<Mean> means;
      for (const Layer& layer : layers_) means.push_back(layer.*which);
      return means;
    };
    set_means(metrics, "value_norm_first", all(&Layer::value_first));
    set_means(metrics, "value_norm_rest", all(&Layer::value_rest));
    set_means(metrics, "value_output_first", all(&Layer::output_first));
    set_means(metrics, "value_output_rest", all(&Layer::output_rest));
    draw(metrics, "Value states", "Mean norm of the values, all heads together, in every attention block.", "value_norm");
    draw(metrics, "Value states through the output projection", "Mean norm of W_O v: what a token adds where all heads attend to it alone.",
         "value_output");
  }

 private:
  static void draw(Metrics& metrics, const char* title, const char* caption, const std::string& name) {
    std::vector<FigureSeries> series;
    for (const auto& [end, tokens] : {std::pair{"_first", "first token"}, {"_rest", "other tokens"}})
      if (const Metric* found = metrics.find(name + end)) series.push_back({.name = tokens, .y = std::get<std::vector<double>>(*found)});
    if (series.empty()) return;
    add_figure(metrics,
               {.kind = "line", .title = title, .caption = caption, .x = {.label = "layer"}, .y = {.label = "norm"}, .series = series});
  }

  struct Tensors {
    Tensor value, output;  // (B * T) norms
  };
  struct Layer {
    Mean value_first, value_rest, output_first, output_rest;
  };

  static void add(Mean& first, Mean& rest, const std::vector<float>& norms, const ProbeBatch& batch) {
    for (std::size_t i = 0; i < norms.size(); ++i) (i % batch.tokens == 0 ? first : rest).add(static_cast<double>(norms[i]));
  }

  std::vector<std::string> notes_;
  std::map<std::size_t, Tensors> calls_;  // by attention block
  std::vector<Layer> layers_;             // a block that an intervention leaves out has nothing, nor has another mixer
};

const Probes::Registration registration("value_states",
                                        [](const ProbeSettings&, Settings&) { return std::make_unique<ValueStateProbe>(); });

}  // namespace
}  // namespace ablate
