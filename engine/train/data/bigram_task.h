// The bigram-backcopy task (Guo et al. 2024, arXiv 2410.13835): a Markov chain, except that a trigger is followed by the token before it.
#pragma once

#include "train/data/source.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

class CounterRandom;

/// What follows a trigger: a copy of the token before it; a draw from the bigram row of the token before it ("dormant Markov"); or a draw
/// from its own row, as after any symbol.
enum class TriggerRule { backcopy, dormant, markov };

struct BigramStatistics {
  std::int64_t symbols = 0;
  std::vector<double> transition;  ///< P(b | a) at [a * symbols + b]
  std::vector<double> unigram;     ///< pi(a)
  std::vector<std::string> names;  ///< the character of each symbol, sorted; empty for a random chain
};

/// Counts adjacent pairs over the whole text; symbols are its distinct bytes in ascending order.
BigramStatistics bigram_statistics(const std::string& text);

/// A Markov chain with P(b | a) proportional to exp(sharpness * (u_b + v_ab) / sqrt(2)), u and v standard normal: some symbols are
/// frequent, and rows are peaked. 0 is the uniform chain; at 1.5, 33 symbols have a bigram entropy like that of English letters. pi is the
/// stationary distribution.
BigramStatistics random_chain(std::int64_t symbols, double sharpness, std::uint64_t seed);

struct BigramTaskOptions {
  std::int64_t triggers = 3;  ///< the most frequent symbols
  bool bos = true;            ///< sequences start with <s> = symbols
  TriggerRule rule = TriggerRule::backcopy;
  double mix = 1.0;             ///< the probability that a trigger acts by `rule`; else it is a symbol like any other
  std::int64_t vocabulary = 0;  ///< 0: symbols + 2 (the published <s> and an unused <d>)
};

/// Sequences with <s> first: x_0 = <s>, x_1 ~ pi without the triggers, then P(. | x_n), or the rule when x_n is a trigger.
class BigramTask {
 public:
  BigramTask(BigramStatistics statistics, BigramTaskOptions options, std::uint64_t seed);

  std::int64_t symbols() const { return statistics_.symbols; }
  std::int64_t vocabulary_size() const { return vocabulary_; }
  /// The id of <s>, or -1.
  std::int32_t bos() const { return options_.bos ? static_cast<std::int32_t>(statistics_.symbols) : -1; }
  const std::vector<std::int32_t>& triggers() const { return triggers_; }
  const BigramStatistics& statistics() const { return statistics_; }
  bool is_trigger(std::int32_t id) const { return is_trigger_[static_cast<std::size_t>(id)]; }

  /// Sequence `index` of a stream ("train", "validation"): `columns` ids.
  void sequence(std::string_view stream, std::uint64_t index, std::int64_t columns, std::int32_t* ids) const;

  /// The oracle's distribution over the next token after position `n` of a sequence: the copy at triggers, P(. | x_n) elsewhere, pi after
  /// <s> (as published, although the data's own there is pi without the triggers), mixed by `mix`. `out` gets vocabulary_size() probabilities.
  void oracle(const std::int32_t* ids, std::int64_t n, std::span<double> out) const;

  /// Per input position of a batch, (rows, columns - 1): 1 where the input is a trigger (the target is a copy), else 0.
  std::vector<std::uint8_t> trigger_mask(const Batch& batch) const;

  /// The oracle's own entropy per input position in nats, same shape: with backcopy 0 at triggers and the bigram entropy elsewhere. A
  /// model's risk is its cross-entropy against the oracle; the excess risk is that minus this.
  std::vector<float> oracle_entropy(const Batch& batch) const;

 private:
  std::int32_t next(const std::int32_t* ids, std::int64_t n, const CounterRandom& random) const;
  std::int32_t sample(std::size_t row, double draw) const;

  BigramStatistics statistics_;
  BigramTaskOptions options_;
  std::uint64_t seed_;
  std::int64_t vocabulary_ = 0;
  std::vector<std::int32_t> triggers_;
  std::vector<std::uint8_t> is_trigger_;  ///< per id of the vocabulary
  std::vector<double> cumulative_;  ///< running sums of: the rows of P, pi (row `symbols`), pi without the triggers (row `symbols` + 1)
};

}  // namespace ablate
