// Hidden keys, seen in the attention weights of every head.
#include "small_run.h"

#include <algorithm>

using namespace ablate;
using namespace ablate::test;

namespace {

constexpr std::size_t heads = 4, tokens = 12;
// Weights are exp(score - lse), by another kernel perhaps: scores up to 100 in f32.
constexpr float rounding = 1e-4f;

/// Both layers' weights under [[intervention]] tables, and what they say they changed.
std::vector<float> weights(SmallRun& run, const std::vector<std::string>& tables) {
  ProbeSettings settings;
  settings.dump = {"attn.probs"};
  run.measure("residual_norms", settings, run.edited(tables));
  return run.dumped.at("layer.0.attn.probs");
}

}  // namespace

TEST_CASE("a key is hidden from the heads that are named, and from queries behind it, and from no others") {
  SmallRun run(SmallRun::small_model());
  const std::vector<float> intact = weights(run, {});
  struct Case {
    std::vector<std::string> tables;
    std::vector<std::pair<std::size_t, std::size_t>> hidden;  // (head, key)
  };
  const std::string at = "at = \"layer.0.attn.probs\"\ndo = \"mask_key\"\n";
  const std::vector<Case> cases = {{{at + "tokens = [2]\nheads = [1]"}, {{1, 2}}},
                                   {{at + "tokens = [2]"}, {{0, 2}, {1, 2}, {2, 2}, {3, 2}}},
                                   {{at + "tokens = [0, 5]\nheads = [3]"}, {{3, 0}, {3, 5}}},
                                   {{at + "tokens = [2]\nheads = [1]", at + "tokens = [4]\nheads = [2]"}, {{1, 2}, {2, 4}}}};
  for (const Case& c : cases) {
    CAPTURE(c.tables[0]);
    const std::vector<float> masked = weights(run, c.tables);
    REQUIRE(masked.size() == intact.size());
    for (std::size_t i = 0; i < masked.size(); ++i) {
      const std::size_t key = i % tokens, query = i / tokens % tokens, head = i / tokens / tokens % heads;
      const auto touches = [&](const auto& pair) { return pair.first == head && query > pair.second; };
      const auto hides = [&](const auto& pair) { return touches(pair) && pair.second == key; };
      if (std::any_of(c.hidden.begin(), c.hidden.end(), hides)) CHECK(masked[i] == 0);
      else if (std::any_of(c.hidden.begin(), c.hidden.end(), touches)) CHECK(masked[i] >= (1 - rounding) * intact[i]);
      else CHECK(masked[i] == doctest::Approx(intact[i]).epsilon(rounding));
    }
  }
}
