// What is not finite in a forward pass: how much, and where it begins.
#pragma once

#include "graph/executor.h"
#include "model/transformer.h"
#include "probe/probe.h"

#include <optional>
#include <string>
#include <vector>

namespace ablate {

class NonFiniteWatch {
 public:
  /// A graph is about to be built.
  void begin(Graph& graph, const TransformerConfig& config);
  /// Counts at a hook point. x: (B, T, C).
  void at(Graph& graph, const Hook& hook, const Tensor& x);

  /// What a run of the graph had: infinities and NaNs at all hook points together.
  struct Found {
    std::uint64_t count = 0;
    /// Of the first sequence that has any, the first residual state that does ("residual.3 (block 3, attention), sequence 0, token 5: NaN in f16"), or, if
    /// no state does, the first hook point.
    std::string state;
    std::string begins;  ///< the first hook point of that sequence ("layer.1.attn.q")
  };
  Found collect(Executor& executor, const ProbeBatch& batch) const;

 private:
  struct Point {
    Hook hook;
    std::uint32_t rows;
    DType dtype;
  };
  std::string describe(const Point& point, std::uint32_t row, bool nan, const ProbeBatch& batch) const;

  TransformerConfig config_;
  std::vector<Point> points_;  // in the order of the forward pass
  Tensor found_;               // (hook points, 2)
};

}  // namespace ablate
