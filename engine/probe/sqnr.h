// Signal to quantization noise: 10 log10(sum x^2 / sum (x - x~)^2) in decibel, x~ what the codes of x stand for.
#pragma once

#include "probe/probe.h"

#include <map>

namespace ablate {

/// Sums over all sequences of tensors before and after a quantization, by name.
class SqnrSums {
 public:
  /// A graph is about to be built.
  void begin() { watched_.clear(); }
  /// While a graph is built. Of activations (B, T, C) the first tokens are left out. `once`: the rows are no sequence's own, so that one run of the graph counts.
  void watch(Graph& graph, const std::string& name, const Tensor& before, const Tensor& after, std::uint32_t except_tokens, bool once);
  void collect(Executor& executor, const ProbeBatch& batch);

  /// Sets PREFIX (the mean over names), PREFIX_worst (the least) and PREFIX_per_hook, all in decibel, and a figure. A name without noise or without
  /// signal has no value. Nothing was watched: nothing is set.
  void finish(Metrics& metrics, const std::string& prefix, const std::string& title) const;
  static MetricNames names(const std::string& prefix);

 private:
  struct Watched {
    std::string name;
    Tensor sums;  // (rows, 2)
    std::uint32_t tokens, except_tokens;
    bool once;
  };
  struct Sums {
    std::string name;
    double signal = 0, noise = 0;
  };
  std::vector<Watched> watched_;
  std::vector<Sums> sums_;  // in the order first met
};

}  // namespace ablate
