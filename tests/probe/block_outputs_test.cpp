// What the blocks write and how large states are, against sorted magnitudes and norms in double precision.
#include "small_run.h"

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("block_outputs: the picture's lines are means over sequences of the largest magnitudes and of the median") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings settings;
  settings.dump = {"block.*"}, settings.top_k = 3;
  const Metrics metrics = run.measure("block_outputs", settings);
  const auto& figures = std::get<std::vector<Figure>>(*metrics.find("figures"));
  REQUIRE(figures.size() == 1);
  REQUIRE(figures[0].series.size() == 4);
  for (std::size_t block = 0; block < 4; ++block) {
    const std::vector<float>& x = run.dumped.at("block." + std::to_string(block + 1));
    const std::size_t each = x.size() / run.data.rows;
    double expected[4] = {};
    for (std::size_t row = 0; row < run.data.rows; ++row) {
      std::vector<double> sorted;
      for (std::size_t i = 0; i < each; ++i) sorted.push_back(std::abs(double(x[row * each + i])));
      std::sort(sorted.begin(), sorted.end());
      for (std::size_t k = 0; k < 3; ++k) expected[k] += sorted[each - 1 - k] / run.data.rows;
      expected[3] += sorted[(each - 1) / 2] / run.data.rows;  // the lower of the two in the middle
    }
    for (std::size_t k = 0; k < 4; ++k) CHECK(figures[0].series[k].y.at(block) == doctest::Approx(expected[k]).epsilon(1e-12));
    CHECK(list(metrics, "median_per_block").at(block) == doctest::Approx(expected[3]).epsilon(1e-12));
  }
}

TEST_CASE("residual_norms: the first token's and the others'") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings settings;
  settings.dump = {"residual.*"};
  const Metrics metrics = run.measure("residual_norms", settings);
  for (std::size_t state = 0; state < 5; ++state) {
    const std::vector<float>& x = run.dumped.at("residual." + std::to_string(state));
    double sums[2] = {}, counts[2] = {};
    for (std::size_t token = 0; token < x.size() / 24; ++token) {
      double squares = 0;
      for (std::size_t i = 0; i < 24; ++i) squares += double(x[token * 24 + i]) * double(x[token * 24 + i]);
      const std::size_t kind = token % run.data.columns == 0 ? 0 : 1;
      sums[kind] += std::sqrt(squares), ++counts[kind];
    }
    // Sums of 24 squares in f32.
    CHECK(list(metrics, "residual_norm_first").at(state) == doctest::Approx(sums[0] / counts[0]).epsilon(1e-6));
    CHECK(list(metrics, "residual_norm_rest").at(state) == doctest::Approx(sums[1] / counts[1]).epsilon(1e-6));
  }
}

// Two rules: half of the largest spike seen, and 100 together with 1000 times the median.
TEST_CASE("vocabulary: a token of two hundred is massive where the median is small, and no spike beside one of a thousand") {
  SmallRun run(SmallRun::small_model(), 8, 3);
  for (std::uint32_t row = 0; row < 8; ++row) run.data.ids[row * 3 + 2] = static_cast<std::int32_t>(row);
  std::vector<float> embedding = run.weights.read("model.embed_tokens.weight");
  for (std::size_t i = 0; i < embedding.size(); ++i) embedding[i] *= 0.01f;
  embedding[1 * 24 + 4] = 1000, embedding[2 * 24 + 4] = 200, embedding[3 * 24 + 4] = 99, embedding[4 * 24 + 4] = 600;
  run.weights.write("model.embed_tokens.weight", embedding);
  for (std::uint32_t row = 0; row < 8; ++row) run.data.ids[row * 3] = run.data.ids[row * 3 + 1] = 9;
  const Hooks only_the_embedding = run.edited({"at = \"block.*\"\ndo = \"zero\""});
  const Metrics metrics = run.measure("vocabulary", {}, only_the_embedding);
  CHECK(metrics.number("vocabulary_tokens") == 8);
  CHECK(metrics.number("vocabulary_position") == 2);
  CHECK(metrics.number("vocabulary_share") == 100 * 2.0 / 8);
  CHECK(metrics.number("vocabulary_massive") == 100 * 3.0 / 8);
  CHECK(list(metrics, "vocabulary_without") == std::vector<double>{0, 2, 3, 5, 6, 7});
  ProbeSettings settings;
  settings.massive_ratio = 1e6;  // of medians of some 0.004: 200 is too little
  CHECK(run.measure("vocabulary", settings, only_the_embedding).number("vocabulary_massive") < 100 * 3.0 / 8);
}
