// The sink statistics against their definitions in double precision, of the attention weights that they were taken of.
#include "small_run.h"

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

constexpr std::uint32_t heads = 4, sequences = 6, tokens = 12, looked_at = 4, length = 9;

/// The weights of both layers, (sequences, heads, tokens, keys), a learned key first.
struct Weighed {
  const std::map<std::string, std::vector<float>>& dumped;
  std::uint32_t learned;
  bool normalized = true;  // else an importance is of each weight's share of its query's (Gu et al. 2025)

  double at(int layer, std::uint32_t row, std::uint32_t head, std::uint32_t query, std::uint32_t column) const {
    const auto& all = dumped.at("layer." + std::to_string(layer) + ".attn.probs");
    return double(all.at(((std::size_t{row} * heads + head) * tokens + query) * (tokens + learned) + column));
  }
  /// On a column, averaged over the first `length` queries that may see it. Column 0 is a learned key's, if there is one.
  double importance(int layer, std::uint32_t row, std::uint32_t head, std::uint32_t column) const {
    const std::uint32_t first = column < learned ? 0 : column - learned;
    double sum = 0;
    for (std::uint32_t query = first; query < length; ++query) {
      double all = normalized ? 1 : 0;
      for (std::uint32_t other = 0; !normalized && other < tokens + learned; ++other) all += at(layer, row, head, query, other);
      sum += at(layer, row, head, query, column) / all;
    }
    return sum / (length - first);
  }
  double mass(int layer, std::uint32_t row, std::uint32_t head) const {
    double sum = 0;
    for (std::uint32_t query = 0; query < tokens; ++query) sum += at(layer, row, head, query, learned);
    return sum / tokens;
  }
};

/// Percent of the sequences looked at, layers and heads for which one of the columns [begin, end) exceeds epsilon.
double percent(const Weighed& weighed, std::uint32_t begin, std::uint32_t end, double epsilon) {
  double hits = 0;
  for (int layer = 0; layer < 2; ++layer)
    for (std::uint32_t row = 0; row < looked_at; ++row)
      for (std::uint32_t head = 0; head < heads; ++head) {
        bool any = false;
        for (std::uint32_t column = begin; column < end; ++column) any = any || weighed.importance(layer, row, head, column) > epsilon;
        hits += any;
      }
  return 100 * hits / (2.0 * looked_at * heads);
}

/// Epsilons that no importance comes near, between those of the first columns.
std::vector<double> epsilons(const Weighed& weighed) {
  std::vector<double> all;
  for (int layer = 0; layer < 2; ++layer)
    for (std::uint32_t row = 0; row < looked_at; ++row)
      for (std::uint32_t head = 0; head < heads; ++head)
        for (std::uint32_t column = 0; column < length + weighed.learned; ++column)
          all.push_back(weighed.importance(layer, row, head, column));
  std::sort(all.begin(), all.end());
  std::vector<double> between;
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i] - all[i - 1] > 1e-4) between.push_back((all[i] + all[i - 1]) / 2);
  std::vector<double> some;
  for (std::size_t i = 0; i < 12; ++i) some.push_back(between.at(i * (between.size() - 1) / 11));
  return some;
}

ProbeSettings settings_of(double epsilon) {
  ProbeSettings settings;
  settings.sink_length = length, settings.sink_sequences = looked_at, settings.sink_epsilon = epsilon;
  return settings;
}

}  // namespace

TEST_CASE("sinks: shares and masses are those of the attention weights, with a learned key and without") {
  for (const auto& [attention, bias] :
       {std::pair{"softmax", AttentionBias::none}, {"softmax", AttentionBias::k}, {"sigmoid", AttentionBias::none}}) {
    CAPTURE(std::string(attention));
    TransformerConfig config = SmallRun::small_model();
    config.attention_bias = bias, config.attention = attention;
    SmallRun run(config, sequences, tokens);
    ProbeSettings settings = settings_of(0.3);
    settings.dump = {"attn.probs"};
    const Metrics first = run.measure("sinks", settings);
    const std::uint32_t learned = bias == AttentionBias::k ? 1 : 0;
    const Weighed weighed{run.dumped, learned, config.attention == "softmax"};
    // Weights are exp(score - lse) in f32: relative errors of some 2^-24 times scores up to 10.
    double mass = 0;
    for (int layer = 0; layer < 2; ++layer)
      for (std::uint32_t head = 0; head < heads; ++head) {
        double mean = 0;
        for (std::uint32_t row = 0; row < sequences; ++row) mean += weighed.mass(layer, row, head) / sequences;
        CHECK(table(first, "sink_score").at(static_cast<std::size_t>(layer)).at(head) == doctest::Approx(mean).epsilon(1e-5));
        mass += mean / (2.0 * heads);
      }
    CHECK(first.number("sink_mass") == doctest::Approx(mass).epsilon(1e-5));
    CHECK((first.find("sink_ratio_bias") != nullptr) == (learned == 1));
    for (const double epsilon : epsilons(weighed)) {
      CAPTURE(epsilon);
      const Metrics metrics = run.measure("sinks", settings_of(epsilon));
      CHECK(metrics.number("sink_ratio") == doctest::Approx(percent(weighed, learned, learned + 1, epsilon)));
      CHECK(metrics.number("sink_ratio_early") == doctest::Approx(percent(weighed, learned, learned + length / 2, epsilon)));
      if (learned) CHECK(metrics.number("sink_ratio_bias") == doctest::Approx(percent(weighed, 0, 1, epsilon)));
    }
  }
}

// Of one token the first has all of the attention: an importance of 1, exactly where scores are 0.
TEST_CASE("sinks: an importance of epsilon does not exceed it") {
  SmallRun run(SmallRun::small_model(), 3, 4);
  ProbeSettings settings;
  settings.sink_length = 1;
  for (const double epsilon : {1.0, 0.999}) {
    settings.sink_epsilon = epsilon;
    const Metrics metrics = run.measure("sinks", settings, run.edited({"at = \"attn.q\"\ndo = \"zero\""}));
    CHECK(metrics.number("sink_ratio") == (epsilon < 1 ? 100 : 0));
  }
}
