#include "probe/changes.h"

#include "ops/statistics/count_changed.h"

#include <numeric>

namespace ablate {

void Changes::begin(const TransformerConfig&, std::uint32_t, std::uint32_t) {
  watched_.clear();
  quantized_.begin();
  weights_.begin();
}

void Changes::watch(Graph& graph, std::size_t which, const Tensor& before, const Tensor& after, bool per_sequence) {
  watched_.push_back({which, graph.keep(count_changed(graph, before, after)), per_sequence});
}

void Changes::watch_quantization(Graph& graph, std::size_t which, const std::string& name, const Tensor& before, const Tensor& after,
                                 std::uint32_t except_tokens, bool per_sequence) {
  watch(graph, which, before, after, per_sequence);
  quantized_.watch(graph, name, before, after, except_tokens, !per_sequence);
}

void Changes::watch_quantized_weight(Graph& graph, std::size_t which, const std::string& name, const Tensor& before, const Tensor& after) {
  watch(graph, which, before, after, false);
  weights_.watch(graph, name, before, after, 0, true);
}

MetricNames Changes::yields() const {
  MetricNames names{.numbers = {"elements_changed"}};
  names.add(SqnrSums::names("quantized_sqnr"));
  names.add(SqnrSums::names("quantized_weight_sqnr"));
  return names;
}

void Changes::collect(Executor& executor, const ProbeBatch& batch) {
  for (const Watched& watched : watched_) {
    if (!watched.per_sequence && batch.first > 0) continue;
    for (const std::int32_t count : executor.read_ints(watched.counts)) counts_[watched.which] += static_cast<std::uint64_t>(count);
  }
  quantized_.collect(executor, batch);
  weights_.collect(executor, batch);
}

void Changes::finish(Metrics& metrics) {
  metrics.set("elements_changed", static_cast<double>(total()));
  quantized_.finish(metrics, "quantized_sqnr", "Signal to quantization noise of hook points");
  weights_.finish(metrics, "quantized_weight_sqnr", "Signal to quantization noise of weights");
}

std::uint64_t Changes::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

}  // namespace ablate
