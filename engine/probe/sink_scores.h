// Mean attention on the first key, per layer and head.
#pragma once

#include "probe/mean.h"
#include "probe/probe.h"

#include <map>
#include <utility>
#include <vector>

namespace ablate {

class SinkScores {
 public:
  struct Head {
    int layer = 0, head = 0;
    double score = 0;  ///< weight on key 0, averaged over sequences and queries
  };

  void begin(const TransformerConfig& config, std::uint32_t rows, std::uint32_t tokens);
  void attention(Graph& graph, const AttentionCall& call);
  void collect(Executor& executor, const ProbeBatch& batch);

  /// All heads, in order; the layer counts attention blocks. Those that an intervention leaves out have none.
  std::vector<Head> heads() const;
  Head strongest() const { return strongest(heads()); }
  Head weakest() const { return weakest(heads()); }

  /// The first of those that are the best but for rounding, so that devices agree on it. `heads` is not empty.
  static Head strongest(const std::vector<Head>& heads);
  static Head weakest(const std::vector<Head>& heads);

 private:
  std::size_t heads_ = 0;
  std::map<std::size_t, Tensor> calls_;             // (B, H, 1) per layer
  std::map<std::size_t, std::vector<Mean>> means_;  // (H) per layer
};

/// One head's part of (tokens, heads * head_dim) numbers: row `token` of it.
inline std::vector<double> head_row(const std::vector<float>& values, std::size_t token, std::size_t heads, std::size_t head,
                                    std::size_t head_dim) {
  const auto first = values.begin() + static_cast<std::ptrdiff_t>((token * heads + head) * head_dim);
  return {first, first + static_cast<std::ptrdiff_t>(head_dim)};
}

}  // namespace ablate
