// The bigram-backcopy task (Guo et al. 2024, arXiv 2410.13835): a Markov chain, except that a trigger is followed by the token before it.
#pragma once

#include "train/data/source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ablate {

/// What follows a trigger: a copy of the token before it; a draw from the bigram row of the token before it ("dormant Markov"); or, with no
/// triggers at all, a draw from the trigger's own row.
enum class TriggerRule { backcopy, dormant, markov };

struct BigramStatistics {
  std::int64_t symbols = 0;
  std::vector<double> transition;  ///< P(b | a) at [a * symbols + b]
  std::vector<double> unigram;     ///< pi(a)
  std::vector<std::string> names;  ///< the character of each symbol, sorted; empty for a random chain
};

/// Counts adjacent pairs over the whole text; symbols are its distinct bytes in ascending order.
BigramStatistics bigram_statistics(const std::string& text);

/// A Markov chain with rows drawn from a symmetric Dirichlet distribution; `concentration` below 1 makes rows peaked. pi is its stationary
/// distribution.
BigramStatistics random_chain(std::int64_t symbols, double concentration, std::uint64_t seed);

struct BigramTaskOptions {
  std::int64_t triggers = 3;  ///< the most frequent symbols
  bool bos = true;            ///< sequences start with <s> = symbols
  TriggerRule rule = TriggerRule::backcopy;
  double mix = 1.0;             ///< the share of sequences that follow `rule`; the others are plain Markov chains
  std::int64_t vocabulary = 0;  ///< 0: symbols + 2 (the published <s> and an unused <d>)
};

/// Sequences with <s> first: x_0 = <s>, x_1 ~ pi without the triggers, then P(. | x_n), or the rule when x_n is a trigger.
class BigramTask {
 public:
  BigramTask(BigramStatistics statistics, BigramTaskOptions options, std::uint64_t seed);

  std::int64_t symbols() const { return statistics_.symbols; }
  std::int64_t vocabulary_size() const { return vocabulary_; }
  const std::vector<std::int32_t>& triggers() const { return triggers_; }
  const BigramStatistics& statistics() const { return statistics_; }
  bool is_trigger(std::int32_t id) const;

  /// Sequence `index` of a stream ("train", "validation"): `columns` ids.
  void sequence(std::string_view stream, std::uint64_t index, std::int64_t columns, std::int32_t* ids) const;

  /// The oracle's distribution over the next token (vocabulary_size() probabilities) at position `n` of `ids`: one-hot copy at triggers,
  /// P(. | x_n) elsewhere, pi after <s>. `out` is overwritten.
  void oracle(const std::int32_t* ids, std::int64_t n, std::vector<double>& out) const;

  /// Per input position of a batch: 1 where the input is a trigger (the target is a copy), else 0. Shape (rows, columns - 1).
  std::vector<std::uint8_t> trigger_mask(const Batch& batch) const;

  /// The oracle's own entropy per input position in nats, same shape: 0 at triggers, the bigram entropy elsewhere.
  std::vector<float> oracle_entropy(const Batch& batch) const;

 private:
  BigramStatistics statistics_;
  BigramTaskOptions options_;
  std::uint64_t seed_;
  std::int64_t vocabulary_ = 0;
  std::vector<std::int32_t> triggers_;
  std::vector<bool> is_trigger_;
  std::vector<double> cumulative_;  ///< rows of P as running sums, then pi, then pi without the triggers
  std::vector<double> entropy_;     ///< nats, per symbol; then of pi
};

}  // namespace ablate
