// How much interventions change, counted where they do it.
#pragma once

#include "probe/sqnr.h"

namespace ablate {

/// Counts per intervention the elements whose value after it is not that before it, over all sequences. Metrics: elements_changed, of all of them;
/// quantized_sqnr and quantized_weight_sqnr (probe/sqnr.h) of the hook points and the weights that are quantized.
class Changes : public Probe {
 public:
  explicit Changes(std::size_t interventions) : counts_(interventions) {}

  /// While a graph is built: what intervention number `which` made of a tensor. `per_sequence`: the tensor has rows of its own for every sequence;
  /// otherwise all runs of the graph change the same elements.
  void watch(Graph& graph, std::size_t which, const Tensor& before, const Tensor& after, bool per_sequence = true);

  /// Of a quantization too: with the noise it makes, first tokens left out.
  void watch_quantization(Graph& graph, std::size_t which, const std::string& name, const Tensor& before, const Tensor& after,
                          std::uint32_t except_tokens, bool per_sequence);
  void watch_quantized_weight(Graph& graph, std::size_t which, const std::string& name, const Tensor& before, const Tensor& after);

  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override;
  void collect(Executor& executor, const ProbeBatch& batch) override;
  void finish(Metrics& metrics) override;
  MetricNames yields() const override;

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
  SqnrSums quantized_, weights_;
};

}  // namespace ablate
