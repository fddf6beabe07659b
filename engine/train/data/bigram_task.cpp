#include "train/data/bigram_task.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace ablate {
namespace {

using Index = std::size_t;

/// Divides by the sum; a row without any count becomes `fallback`.
void normalize(std::span<double> row, std::span<const double> fallback) {
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  if (sum > 0)
    for (double& p : row) p /= sum;
  else std::copy(fallback.begin(), fallback.end(), row.begin());
}

std::vector<double> stationary(const std::vector<double>& transition, Index n) {
  std::vector<double> pi(n, 1.0 / static_cast<double>(n)), next(n);
  for (int step = 0; step < 100'000; ++step) {
    std::fill(next.begin(), next.end(), 0.0);
    for (Index a = 0; a < n; ++a)
      for (Index b = 0; b < n; ++b) next[b] += pi[a] * transition[a * n + b];
    double change = 0;
    for (Index a = 0; a < n; ++a) change += std::abs(next[a] - pi[a]);
    pi.swap(next);
    if (change < 1e-15) break;
  }
  return pi;
}

std::vector<std::int32_t> most_frequent(const std::vector<double>& unigram, std::int64_t count) {
  std::vector<std::int32_t> ids(unigram.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](auto a, auto b) { return unigram[static_cast<Index>(a)] > unigram[static_cast<Index>(b)]; });
  ids.resize(static_cast<Index>(count));
  return ids;
}

void append_running_sums(std::vector<double>& cumulative, std::span<const double> row) {
  double sum = 0;
  for (const double p : row) cumulative.push_back(sum += p);
}

}  // namespace

BigramStatistics bigram_statistics(const std::string& text) {
  require(text.size() >= 2, "bigram statistics need a text of at least two characters");
  std::array<Index, 256> id{};
  for (const char c : text) id[static_cast<unsigned char>(c)] = 1;
  BigramStatistics s;
  for (Index c = 0; c < id.size(); ++c)
    if (std::exchange(id[c], s.names.size())) s.names.emplace_back(1, static_cast<char>(c));
  const Index n = s.names.size();
  s.symbols = static_cast<std::int64_t>(n);
  s.transition.assign(n * n, 0.0);
  s.unigram.assign(n, 0.0);
  const auto at = [&](Index i) { return id[static_cast<unsigned char>(text[i])]; };
  for (Index i = 0; i < text.size(); ++i) s.unigram[at(i)] += 1.0 / static_cast<double>(text.size());
  for (Index i = 0; i + 1 < text.size(); ++i) s.transition[at(i) * n + at(i + 1)] += 1.0;
  for (Index a = 0; a < n; ++a) normalize(std::span(s.transition).subspan(a * n, n), s.unigram);
  return s;
}

BigramStatistics random_chain(std::int64_t symbols, double sharpness, std::uint64_t seed) {
  const auto n = static_cast<Index>(symbols);
  const CounterRandom popularity(seed, "chain symbols"), pairs(seed, "chain pairs");
  BigramStatistics s{symbols, std::vector<double>(n * n), {}, {}};
  for (Index a = 0; a < n; ++a) {
    const std::span row = std::span(s.transition).subspan(a * n, n);
    for (Index b = 0; b < n; ++b) row[b] = std::exp(sharpness / std::sqrt(2.0) * (popularity.normal(b) + pairs.normal(a * n + b)));
    normalize(row, row);
  }
  s.unigram = stationary(s.transition, n);
  return s;
}

BigramTask::BigramTask(BigramStatistics statistics, BigramTaskOptions options, std::uint64_t seed)
    : statistics_(std::move(statistics)), options_(options), seed_(seed) {
  const std::int64_t n = statistics_.symbols;
  vocabulary_ = options.vocabulary ? options.vocabulary : n + 2;
  require(options.triggers >= 0 && options.triggers < n, "data.triggers: expected 0 to {} of {} symbols, found {}", n - 1, n,
          options.triggers);
  require(vocabulary_ >= n + (options.bos ? 1 : 0), "data.vocabulary: {} symbols{} do not fit {} ids", n, options.bos ? " and <s>" : "",
          vocabulary_);
  require(options.mix >= 0 && options.mix <= 1, "data.mix: expected a probability, found {}", options.mix);
  triggers_ = most_frequent(statistics_.unigram, options.triggers);
  is_trigger_.assign(static_cast<Index>(vocabulary_), 0);
  std::vector<double> start = statistics_.unigram;
  for (const std::int32_t t : triggers_) {
    is_trigger_[static_cast<Index>(t)] = 1;
    start[static_cast<Index>(t)] = 0;
  }
  normalize(start, start);
  for (std::int64_t a = 0; a < n; ++a)
    append_running_sums(cumulative_, std::span(statistics_.transition).subspan(static_cast<Index>(a * n), static_cast<Index>(n)));
  append_running_sums(cumulative_, statistics_.unigram);
  append_running_sums(cumulative_, start);
}

std::int32_t BigramTask::sample(std::size_t row, double draw) const {
  const auto n = static_cast<std::ptrdiff_t>(statistics_.symbols);
  const auto begin = cumulative_.begin() + static_cast<std::ptrdiff_t>(row) * n, end = begin + n;
  // The last sum may fall short of 1 by rounding: scaling the draw keeps it inside, and zero probabilities are never hit.
  return static_cast<std::int32_t>(std::upper_bound(begin, end - 1, draw * *(end - 1)) - begin);
}

std::int32_t BigramTask::next(const std::int32_t* ids, std::int64_t n, const CounterRandom& random) const {
  const auto place = 2 * static_cast<std::uint64_t>(n);
  const bool may_act = is_trigger(ids[n]) && n > 0 && options_.rule != TriggerRule::markov;
  const bool acts = may_act && (options_.mix >= 1 || random.uniform(place + 1) < options_.mix);
  if (acts && options_.rule == TriggerRule::backcopy) return ids[n - 1];
  return sample(static_cast<std::size_t>(acts ? ids[n - 1] : ids[n]), random.uniform(place));
}

void BigramTask::sequence(std::string_view stream, std::uint64_t index, std::int64_t columns, std::int32_t* ids) const {
  const auto n = static_cast<std::size_t>(statistics_.symbols);
  const CounterRandom random(seed_, hash_text(stream) + index), start(seed_, hash_text("start of ", hash_text(stream)) + index);
  for (std::int64_t i = 0; i < columns; ++i) {
    if (i == 0 && options_.bos) ids[i] = static_cast<std::int32_t>(n);
    else if (i == (options_.bos ? 1 : 0)) ids[i] = sample(n + 1, start.uniform(0));
    else ids[i] = next(ids, i - 1, random);
  }
}

void BigramTask::oracle(const std::int32_t* ids, std::int64_t n, std::span<double> out) const {
  const auto symbols = static_cast<std::size_t>(statistics_.symbols);
  const auto row_of = [&](std::int32_t id) {
    const auto a = static_cast<std::size_t>(id);
    return a < symbols ? std::span(statistics_.transition).subspan(a * symbols, symbols) : std::span(statistics_.unigram);
  };
  const bool acts = is_trigger(ids[n]) && n > 0 && options_.rule != TriggerRule::markov;
  const double mix = acts ? options_.mix : 0.0;
  std::fill(out.begin(), out.end(), 0.0);
  const auto own = row_of(ids[n]);
  for (std::size_t b = 0; b < symbols; ++b) out[b] = (1 - mix) * own[b];
  if (mix == 0) return;
  if (options_.rule == TriggerRule::backcopy) {
    out[static_cast<std::size_t>(ids[n - 1])] += mix;
    return;
  }
  const auto before = row_of(ids[n - 1]);
  for (std::size_t b = 0; b < symbols; ++b) out[b] += mix * before[b];
}

std::vector<std::uint8_t> BigramTask::trigger_mask(const Batch& batch) const {
  std::vector<std::uint8_t> mask;
  for (std::int64_t r = 0; r < batch.rows; ++r)
    for (std::int64_t i = 0; i + 1 < batch.columns; ++i) mask.push_back(is_trigger(batch.row(r)[i]));
  return mask;
}

std::vector<float> BigramTask::oracle_entropy(const Batch& batch) const {
  std::vector<float> entropies;
  std::vector<double> p(static_cast<std::size_t>(vocabulary_));
  for (std::int64_t r = 0; r < batch.rows; ++r)
    for (std::int64_t i = 0; i + 1 < batch.columns; ++i) {
      oracle(batch.row(r), i, p);
      double entropy = 0;
      for (const double x : p)
        if (x > 0) entropy -= x * std::log(x);
      entropies.push_back(static_cast<float>(entropy));
    }
  return entropies;
}

}  // namespace ablate
