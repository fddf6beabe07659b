// Value-state drain (Guo et al. 2024, arXiv 2410.13835): the norms of what the first token would contribute if every head attended to it
// alone.
//   value_norm_first, value_norm_rest          mean |v| of the first token and of the others, per attention block
//   value_output_first, value_output_rest      the same of W_O v (where every head has values of its own)
#include "ops/matmul.h"
#include "ops/statistics/row_norms.h"
#include "probe/figures.h"
#include "probe/probe.h"

namespace ablate {
namespace {

class ValueStateProbe : public Probe {
 public:
  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override { calls_.clear(); }

  void attention(Graph& graph, const AttentionCall& call) override {
    Tensors tensors{graph.keep(row_norms(graph, call.v)), {}};
    if (call.options.heads == call.options.kv_heads)
      tensors.output = graph.keep(row_norms(graph, linear(graph, call.v, call.output_weight)));
    calls_.push_back(tensors);
    sums_.resize(std::max(sums_.size(), calls_.size()));
  }

  void collect(Executor& executor, const ProbeBatch& batch) override {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      add(sums_[i].value, executor.read_floats(calls_[i].value), batch);
      if (calls_[i].output) add(sums_[i].output, executor.read_floats(calls_[i].output), batch);
    }
  }

  void finish(Metrics& metrics) override {
    std::vector<double> first, rest, output_first, output_rest;
    for (const Sums& sums : sums_) {
      first.push_back(sums.value.first / sums.value.firsts);
      rest.push_back(sums.value.rest / sums.value.rests);
      if (sums.output.firsts == 0) continue;
      output_first.push_back(sums.output.first / sums.output.firsts);
      output_rest.push_back(sums.output.rest / sums.output.rests);
    }
    metrics.set("value_norm_first", first);
    metrics.set("value_norm_rest", rest);
    draw(metrics, "Value states", "Mean norm of the values, all heads together, in every attention block.", first, rest);
    if (output_first.empty()) return;
    metrics.set("value_output_first", output_first);
    metrics.set("value_output_rest", output_rest);
    draw(metrics, "Value states through the output projection", "Mean norm of W_O v: what a token adds where all heads attend to it alone.",
         output_first, output_rest);
  }

 private:
  static void draw(Metrics& metrics, const char* title, const char* caption, const std::vector<double>& first,
                   const std::vector<double>& rest) {
    add_figure(metrics, {.kind = "line",
                         .title = title,
                         .caption = caption,
                         .x = {.label = "layer"},
                         .y = {.label = "norm"},
                         .series = {{.name = "first token", .y = first}, {.name = "other tokens", .y = rest}}});
  }

  struct Tensors {
    Tensor value, output;  // (B * T) norms
  };
  struct Mean {
    double first = 0, firsts = 0, rest = 0, rests = 0;
  };
  struct Sums {
    Mean value, output;
  };

  static void add(Mean& mean, const std::vector<float>& norms, const ProbeBatch& batch) {
    for (std::size_t i = 0; i < norms.size(); ++i) {
      const bool first = i % batch.tokens == 0;
      (first ? mean.first : mean.rest) += static_cast<double>(norms[i]);
      (first ? mean.firsts : mean.rests) += 1;
    }
  }

  std::vector<Tensors> calls_;
  std::vector<Sums> sums_;
};

const Probes::Registration registration("value_states",
                                        [](const ProbeSettings&, Settings&) { return std::make_unique<ValueStateProbe>(); });

}  // namespace
}  // namespace ablate
