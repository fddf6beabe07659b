// Uniformly random tokens, for plans and measurements: what a step's batch costs the host is a copy, as with text that has become tokens.
#pragma once

#include "train/data/source.h"

namespace ablate {

class RandomTokens : public DataSource {
 public:
  explicit RandomTokens(std::int64_t vocabulary);

  std::int64_t vocabulary_size() const override { return vocabulary_; }
  /// Windows of one stream, which starts again where it ends.
  Batch batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const override;
  /// rows = 0: 64.
  Batch validation(std::int64_t rows, std::int64_t columns) const override;

 private:
  std::int64_t vocabulary_;
  std::vector<std::int32_t> stream_;
};

}  // namespace ablate
