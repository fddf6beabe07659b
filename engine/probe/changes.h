// How much interventions change, counted where they do it.
#pragma once

#include "probe/probe.h"

namespace ablate {

/// Counts per intervention the elements whose value after it is not that before it, over all sequences. Metric: elements_changed, of all of them.
class Changes : public Probe {
 public:
  explicit Changes(std::size_t interventions) : counts_(interventions) {}

  /// While a graph is built: what intervention number `which` made of a tensor. `per_sequence`: the tensor has rows of its own for every sequence;
  /// otherwise all runs of the graph change the same elements.
  void watch(Graph& graph, std::size_t which, const Tensor& before, const Tensor& after, bool per_sequence = true);

  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics& metrics) override;
  MetricNames yields() const override { return {.numbers = {"elements_changed"}}; }

  std::uint64_t of(std::size_t intervention) const { return counts_.at(intervention); }
  std::uint64_t total() const;

 private:
  struct Watched {
    std::size_t which;
    Tensor counts;
    bool per_sequence;
  };
  std::vector<Watched> watched_;
  std::vector<std::uint64_t> counts_;
};

}  // namespace ablate
