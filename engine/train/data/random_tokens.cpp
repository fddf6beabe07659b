#include "train/data/random_tokens.h"

#include "base/random.h"

namespace ablate {
namespace {

constexpr std::uint64_t seed = 1;
constexpr std::size_t stream_length = 1 << 17;
constexpr std::int64_t usual_rows = 64;

}  // namespace

RandomTokens::RandomTokens(std::int64_t vocabulary) : vocabulary_(vocabulary), stream_(stream_length) {
  const CounterRandom random(seed, "tokens");
  for (std::size_t i = 0; i < stream_.size(); ++i)
    stream_[i] = static_cast<std::int32_t>(random.below(i, static_cast<std::uint64_t>(vocabulary)));
}

Batch RandomTokens::batch(std::uint64_t step, std::int64_t rows, std::int64_t columns) const {
  Batch batch = make_batch(rows, columns);
  const CounterRandom random(seed, step);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::size_t at = random.below(static_cast<std::uint64_t>(row), stream_.size());
    for (std::int64_t column = 0; column < columns; ++column, at = (at + 1) % stream_.size()) batch.row(row)[column] = stream_[at];
  }
  return batch;
}

Batch RandomTokens::validation(std::int64_t rows, std::int64_t columns) const { return batch(0, rows > 0 ? rows : usual_rows, columns); }

}  // namespace ablate
