// The loss of every token, where means could hide differences.
#pragma once

#include "probe/probe.h"

#include <vector>

namespace ablate::test {

/// Keeps the losses of all positions but the last of each sequence.
class TokenLosses : public Probe {
 public:
  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override {}
  void losses(Graph& graph, const Tensor& losses) override { tensor_ = graph.keep(losses); }
  void collect(Executor& executor, const ProbeBatch& batch) override {
    const std::vector<float> all = executor.read_floats(tensor_);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i % batch.tokens + 1 < batch.tokens) values.push_back(static_cast<double>(all[i]));
  }
  void finish(Metrics&) override {}
  std::vector<double> values;

 private:
  Tensor tensor_;
};

}  // namespace ablate::test
