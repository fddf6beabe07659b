#include "probe/changes.h"

#include "ops/statistics/count_changed.h"

#include <numeric>

namespace ablate {

void Changes::begin(const TransformerConfig&, std::uint32_t, std::uint32_t) { watched_.clear(); }

void Changes::watch(Graph& graph, std::size_t which, const Tensor& before, const Tensor& after, bool per_sequence) {
  watched_.push_back({which, graph.keep(count_changed(graph, before, after)), per_sequence});
}

void Changes::collect(Executor& executor, const ProbeBatch& batch) {
  for (const Watched& watched : watched_) {
    if (!watched.per_sequence && batch.first > 0) continue;
    for (const std::int32_t count : executor.read_ints(watched.counts)) counts_[watched.which] += static_cast<std::uint64_t>(count);
  }
}

void Changes::finish(Metrics& metrics) { metrics.set("elements_changed", static_cast<double>(total())); }

std::uint64_t Changes::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

}  // namespace ablate
