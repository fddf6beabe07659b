#include "base/error.h"
#include "base/settings.h"
#include "model/json_settings.h"
#include "train/data/bigram_task.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace ablate;

namespace {

std::unique_ptr<DataSource> open(const char* json, std::uint64_t seed = 42) {
  Settings data = settings_from_json(json, "data");
  auto source = open_data(data, {.seed = seed});
  data.reject_unused();
  return source;
}

}  // namespace

TEST_CASE("a trigger is followed by the token before it, and nothing else is out of order") {
  const auto source = open(R"({"source": "bigram_backcopy"})");
  const BigramTask& task = *source->task();
  CHECK(task.triggers().size() == 3);
  CHECK(source->vocabulary_size() == 35);
  const Batch batch = source->batch(7, 64, 129);
  for (std::int64_t r = 0; r < batch.rows; ++r) {
    const std::int32_t* x = batch.row(r);
    CHECK(x[0] == 33);
    CHECK_FALSE(task.is_trigger(x[1]));
    for (int i = 1; i < 128; ++i) {
      CHECK(x[i + 1] < 33);
      if (task.is_trigger(x[i])) CHECK(x[i + 1] == x[i - 1]);
      if (task.is_trigger(x[i])) CHECK_FALSE(task.is_trigger(x[i - 1]));
    }
  }
}

TEST_CASE("a batch is a function of seed and step only") {
  const auto source = open(R"({"source": "bigram_backcopy"})"), again = open(R"({"source": "bigram_backcopy"})"),
             other = open(R"({"source": "bigram_backcopy"})", 43), fixed = open(R"({"source": "bigram_backcopy", "seed": 42})", 1);
  const Batch batch = source->batch(3, 8, 33);
  CHECK(again->batch(3, 8, 33).ids == batch.ids);
  CHECK(fixed->batch(3, 8, 33).ids == batch.ids);
  CHECK(source->batch(4, 8, 33).ids != batch.ids);
  CHECK(other->batch(3, 8, 33).ids != batch.ids);
  CHECK(other->task()->statistics().transition == source->task()->statistics().transition);
  // Fewer rows are the first rows, fewer columns the first columns.
  CHECK(std::equal(batch.row(0), batch.row(1), source->batch(3, 2, 33).row(0)));
  CHECK(std::equal(batch.row(2), batch.row(2) + 20, source->batch(3, 4, 20).row(2)));
  CHECK(source->validation(0, 17).rows == 512);
  CHECK(source->validation(5, 17).ids != source->batch(0, 5, 17).ids);
}

TEST_CASE("samples follow the chain") {
  const auto source = open(R"({"source": "bigram_backcopy"})");
  const BigramTask& task = *source->task();
  const auto n = static_cast<std::size_t>(task.symbols());
  std::vector<double> counts(n * n);
  const Batch batch = source->batch(0, 1000, 257);
  for (std::int64_t r = 0; r < batch.rows; ++r)
    for (int i = 1; i < 256; ++i) {
      const auto a = batch.row(r)[i], b = batch.row(r)[i + 1];
      if (!task.is_trigger(a)) counts[static_cast<std::size_t>(a) * n + static_cast<std::size_t>(b)] += 1;
    }
  for (std::size_t a = 0; a < n; ++a) {
    const double sum =
        std::accumulate(counts.begin() + static_cast<std::ptrdiff_t>(a * n), counts.begin() + static_cast<std::ptrdiff_t>(a * n + n), 0.0);
    for (std::size_t b = 0; b < n && sum > 0; ++b) {
      const double p = task.statistics().transition[a * n + b];
      CHECK(std::abs(counts[a * n + b] - sum * p) <= 5 * std::sqrt(sum * p * (1 - p)) + 1);  // five deviations of a count
    }
  }
}

TEST_CASE("a random chain is a chain with its stationary distribution") {
  const BigramStatistics s = random_chain(33, 1.5, 1);
  double entropy = 0;
  for (std::size_t a = 0; a < 33; ++a) {
    double sum = 0, arriving = 0;
    for (std::size_t b = 0; b < 33; ++b) {
      const double p = s.transition[a * 33 + b];
      sum += p;
      arriving += s.unigram[b] * s.transition[b * 33 + a];
      entropy -= s.unigram[a] * p * std::log(p);
    }
    CHECK(sum == doctest::Approx(1.0).epsilon(1e-12));
    CHECK(arriving == doctest::Approx(s.unigram[a]).epsilon(1e-12));
  }
  CHECK(entropy > 1.8);  // English letters: 2.2; 33 independent symbols: 3.5
  CHECK(entropy < 3.0);
  CHECK(random_chain(5, 0.0, 1).unigram[3] == doctest::Approx(0.2));
}

TEST_CASE("statistics of a text") {
  const BigramStatistics s = bigram_statistics("abcabdab");
  CHECK(s.names == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(s.unigram[0] == doctest::Approx(3 / 8.0));
  CHECK(s.transition[0 * 4 + 1] == 1.0);
  CHECK(s.transition[1 * 4 + 2] == 0.5);
  CHECK(s.transition[1 * 4 + 3] == 0.5);
  CHECK(s.transition[2 * 4 + 0] == 1.0);
  const BigramStatistics end = bigram_statistics("aab");  // nothing follows b: the unigram distribution does
  CHECK(end.transition[1 * 2 + 0] == doctest::Approx(2 / 3.0));
  CHECK_THROWS_AS(bigram_statistics("a"), InputError);
}

TEST_CASE("the oracle knows copies, rows and the start") {
  const BigramTask task(bigram_statistics("abacabadab"), {.triggers = 1}, 1);
  REQUIRE(task.triggers() == std::vector<std::int32_t>{0});
  std::vector<double> p(6);
  const std::int32_t ids[] = {4, 1, 0, 1, 3};
  task.oracle(ids, 0, p);
  CHECK(p[0] == doctest::Approx(0.5));  // pi(a)
  task.oracle(ids, 2, p);
  CHECK(p == std::vector<double>{0, 1, 0, 0, 0, 0});
  task.oracle(ids, 4, p);
  CHECK(p[0] == 1.0);

  const BigramTask mixed(bigram_statistics("abacabadab"), {.triggers = 1, .mix = 0.5}, 1);
  mixed.oracle(ids, 2, p);
  CHECK(p[1] == doctest::Approx(0.5 + 0.5 * 3 / 5));
  CHECK(p[2] == doctest::Approx(0.5 * 1 / 5));
  const BigramTask dormant(bigram_statistics("abacabadab"), {.triggers = 1, .rule = TriggerRule::dormant}, 1);
  dormant.oracle(ids, 2, p);
  CHECK(p[0] == 1.0);

  Batch batch = make_batch(1, 5);
  std::copy(std::begin(ids), std::end(ids), batch.ids.begin());
  CHECK(task.trigger_mask(batch) == std::vector<std::uint8_t>{0, 0, 1, 0});
  const auto entropy = task.oracle_entropy(batch);
  CHECK(entropy[2] == 0.0f);
  CHECK(entropy[1] == 0.0f);  // b is always followed by a
  CHECK(entropy[0] == doctest::Approx(0.5 * std::log(2) - 0.3 * std::log(0.3) - 0.2 * std::log(0.1)));
}

TEST_CASE("the share of triggers and the optimal loss agree between chain and samples") {
  // In the limit the share of trigger positions follows from the chain alone: after a non-trigger a, with probability q(a) = P(triggers |
  // a), comes a trigger and then a again. So visits to non-triggers form a chain P'(a, b) that stays at a with q(a) on top, and triggers
  // add sum of mu q.
  const auto source = open(R"({"source": "bigram_backcopy"})");
  const BigramTask& task = *source->task();
  const auto n = static_cast<std::size_t>(task.symbols());
  const auto& P = task.statistics().transition;
  std::vector<double> q(n), mu(n, 1.0 / static_cast<double>(n)), next(n);
  for (std::size_t a = 0; a < n; ++a)
    for (const auto t : task.triggers()) q[a] += P[a * n + static_cast<std::size_t>(t)];
  for (int step = 0; step < 2000; ++step) {
    std::fill(next.begin(), next.end(), 0.0);
    for (std::size_t a = 0; a < n; ++a) {
      if (task.is_trigger(static_cast<std::int32_t>(a))) continue;
      next[a] += mu[a] * q[a];
      for (std::size_t b = 0; b < n; ++b)
        if (!task.is_trigger(static_cast<std::int32_t>(b))) next[b] += mu[a] * P[a * n + b];
    }
    const double sum = std::accumulate(next.begin(), next.end(), 0.0);
    for (std::size_t a = 0; a < n; ++a) mu[a] = next[a] / sum;
  }
  double triggers = 0, entropy = 0;
  for (std::size_t a = 0; a < n; ++a) {
    triggers += mu[a] * q[a];
    for (std::size_t b = 0; b < n; ++b) entropy -= mu[a] * P[a * n + b] * std::log(P[a * n + b]);
  }
  const double share = triggers / (1 + triggers), optimal = entropy / (1 + triggers);

  const Batch batch = source->validation(0, 257);
  const auto mask = task.trigger_mask(batch);
  const auto entropies = task.oracle_entropy(batch);
  const double positions = static_cast<double>(mask.size());
  // Positions of a sequence are correlated: 512 independent sequences of spread below 0.1 in share and 0.2 nats in mean entropy, the start
  // adds 1/256.
  CHECK(std::accumulate(mask.begin(), mask.end(), 0.0) / positions ==
        doctest::Approx(share).epsilon(0).scale(1).epsilon(5 * 0.1 / std::sqrt(512) + 1 / 256.0));
  CHECK(std::accumulate(entropies.begin(), entropies.end(), 0.0) / positions == doctest::Approx(optimal).epsilon(0.03));
}

TEST_CASE("the options of the task") {
  const auto plain = open(R"({"source": "bigram_backcopy", "bos": false, "triggers": 5, "symbols": 8})");
  CHECK(plain->bos() == -1);
  CHECK(plain->vocabulary_size() == 10);
  CHECK_FALSE(plain->task()->is_trigger(plain->batch(0, 1, 9).ids[0]));
  CHECK(open(R"({"source": "bigram_backcopy", "vocabulary": 100})")->vocabulary_size() == 100);
  const auto refuses = [](const char* json, const char* message) {
    CAPTURE(std::string(json));
    CHECK_THROWS_WITH_AS(open(json), doctest::Contains(message), InputError);
  };
  refuses(R"({"source": "bigram"})", "bigram_backcopy");
  refuses("{}", "source");
  refuses(R"({"source": "bigram_backcopy", "triggers": 8, "symbols": 8})", "expected 0 to 7 of 8 symbols");
  refuses(R"({"source": "bigram_backcopy", "vocabulary": 20})", "do not fit 20 ids");
  refuses(R"({"source": "bigram_backcopy", "mix": 1.5})", "mix");
  refuses(R"({"source": "bigram_backcopy", "rule": "copy"})", "backcopy");
  refuses(R"({"source": "bigram_backcopy", "text": "/does/not/exist"})", "/does/not/exist");
  CHECK_THROWS_AS(plain->batch(0, 1, 1), InputError);
}

TEST_CASE("the built-in Shakespeare chain gives the published task") {
  // Published for three triggers, from 3000 sequences: 25.5% of inputs are triggers, the bigram entropy elsewhere is 2.226 nats. 2000
  // sequences of 256 positions leave standard errors of about 0.0005 and 0.003.
  const auto source = open(R"({"source": "bigram_backcopy", "chain": "shakespeare"})");
  const BigramTask& task = *source->task();
  CHECK(source->vocabulary_size() == 67);
  std::string triggers;
  for (const std::int32_t id : task.triggers()) triggers += task.statistics().names[static_cast<std::size_t>(id)];
  CHECK(triggers == " et");
  const Batch batch = source->validation(2000, 257);
  const auto mask = task.trigger_mask(batch);
  const auto entropy = task.oracle_entropy(batch);
  const double share = static_cast<double>(std::accumulate(mask.begin(), mask.end(), std::int64_t{0})) / static_cast<double>(mask.size());
  const double total = std::accumulate(entropy.begin(), entropy.end(), 0.0);
  CHECK(share == doctest::Approx(0.255).epsilon(0.01));
  CHECK(total / (static_cast<double>(mask.size()) * (1 - share)) == doctest::Approx(2.226).epsilon(0.005));
}
