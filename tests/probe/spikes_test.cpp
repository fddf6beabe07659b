// Spikes, massive activations and what is told of their tokens, of states that an edit makes what they are.
#include "small_run.h"

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

using Numbers = std::vector<double>;

TEST_CASE("spikes: the channels of the spike's token are those that reach a tenth of it, largest first") {
  SmallRun run(SmallRun::small_model());
  const Metrics metrics = run.measure(
      "spikes", {},
      run.edited({"at = \"residual.4\"\ndo = \"set\"\nchannels = [3, 8, 11, 20]\ntokens = [5]\nvalue = [9000, -15000, 100000, 10000]"}));
  CHECK(metrics.number("spike") == 100000);
  CHECK(metrics.number("spike_state") == 4);
  CHECK(metrics.number("spike_token") == 5);
  CHECK(list(metrics, "spike_channels") == Numbers{11, 8, 20});
}

TEST_CASE("spikes: a model of zeros has a spike of 0, and no block that makes it") {
  SmallRun run(SmallRun::small_model());
  const Metrics metrics = run.measure("spikes", {}, run.edited({"at = \"residual.*\"\ndo = \"zero\"", "at = \"block.*\"\ndo = \"zero\""}));
  CHECK(metrics.number("spike") == 0);
  CHECK(list(metrics, "step_up_blocks").empty());
  CHECK(list(metrics, "step_down_blocks").empty());
}

// A clamp makes many entries as large as the spike. Of a state only one sequence reaches the clamp; later states reach it in earlier sequences, which a
// run of few sequences at once sees before.
TEST_CASE("spikes: of entries as large as the spike the first state's is it, however many sequences go at once") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings settings;
  settings.dump = {"residual.1"};
  run.measure("spikes", settings);
  const std::vector<float>& state = run.dumped.at("residual.1");
  const std::size_t each = state.size() / run.data.rows;
  std::vector<float> most;
  for (std::size_t row = 0; row < run.data.rows; ++row) {
    float largest = 0;
    for (std::size_t i = 0; i < each; ++i) largest = std::max(largest, std::abs(state[row * each + i]));
    most.push_back(largest);
  }
  // The sequences in another order: that with the largest entry comes last.
  const auto at = static_cast<std::size_t>(std::max_element(most.begin(), most.end()) - most.begin());
  const auto columns = static_cast<std::ptrdiff_t>(run.data.columns);
  const auto begin = run.data.ids.begin() + static_cast<std::ptrdiff_t>(at) * columns;
  std::rotate(begin, begin + columns, run.data.ids.end());
  std::sort(most.begin(), most.end());
  REQUIRE(most.back() > most[most.size() - 2]);
  const double clamp = (double(most.back()) + double(most[most.size() - 2])) / 2;
  const Hooks hooks = run.edited({fmt::format("at = [\"residual.1\", \"residual.2\", \"residual.3\"]\ndo = \"clamp\"\nvalue = {}", clamp),
                                  "at = \"residual.4\"\ndo = \"zero\""});
  for (const std::uint32_t at_once : {0u, 1u, 2u, 5u}) {
    CAPTURE(at_once);
    const Metrics metrics = run.measure("spikes", {}, hooks, at_once);
    CHECK(list(metrics, "spike_per_state")[2] == list(metrics, "spike_per_state")[1]);
    CHECK(metrics.number("spike_state") == 1);
    CHECK(metrics.number("spike_sequence") == run.data.rows - 1);
  }
}

TEST_CASE("massive: every one is counted, where it is and on which token") {
  SmallRun run(SmallRun::small_model());
  for (std::uint32_t row = 0; row < run.data.rows; ++row)
    run.data.ids[row * run.data.columns + 5] = 17, run.data.ids[row * run.data.columns + 2] = 4;
  const Metrics metrics = run.measure("massive", {},
                                      run.edited({"at = \"residual.4\"\ndo = \"set\"\nchannels = [3, 8]\ntokens = [5]\nvalue = 1e6",
                                                  "at = \"residual.4\"\ndo = \"set\"\nchannels = [8]\ntokens = [2]\nvalue = -1e6"}));
  const double rows = run.data.rows;
  CHECK(list(metrics, "massive_per_state") == Numbers{0, 0, 0, 0, 3 * rows});
  CHECK(list(metrics, "massive_channels") == Numbers{8, 3});
  CHECK(list(metrics, "massive_channel_counts") == Numbers{2 * rows, rows});
  CHECK(list(metrics, "massive_tokens") == Numbers{5, 2});
  CHECK(list(metrics, "massive_token_counts") == Numbers{2 * rows, rows});
  CHECK(list(metrics, "massive_token_ids") == Numbers{17, 4});
  CHECK(list(metrics, "massive_token_id_counts") == Numbers{2 * rows, rows});
  CHECK(metrics.number("massive_sequences") == 100);
}

TEST_CASE("silu_regime: tokens without pre-activations have no ratio, and spike tokens are apart") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings settings;
  settings.dump = {"layer.0.ffn.gate"};
  const Metrics metrics = run.measure("silu_regime", settings,
                                      run.edited({"at = \"layer.0.ffn.gate\"\ndo = \"zero\"\ntokens = [3]",
                                                  "at = \"residual.4\"\ndo = \"set\"\nchannels = [3]\ntokens = [5]\nvalue = 1e6"}));
  CHECK(metrics.number("silu_spike_tokens") == run.data.rows);
  const std::vector<float>& z = run.dumped.at("layer.0.ffn.gate");
  double spike = 0, rest = 0;
  for (std::size_t token = 0; token < z.size() / 30; ++token) {
    double before = 0, after = 0;
    for (std::size_t i = 0; i < 30; ++i) {
      const double x = double(z[token * 30 + i]);
      before += x * x, after += std::pow(x / (1 + std::exp(-x)), 2);
    }
    const std::size_t place = token % run.data.columns;
    if (place == 3) CHECK(before == 0);
    else (place == 5 ? spike : rest) += std::sqrt(after / before);
  }
  // Norms are sums of 30 squares in f32.
  CHECK(list(metrics, "silu_ratio_spike").at(0) == doctest::Approx(spike / run.data.rows).epsilon(1e-5));
  CHECK(list(metrics, "silu_ratio_rest").at(0) == doctest::Approx(rest / (run.data.rows * (run.data.columns - 2))).epsilon(1e-5));
}

// Left out is only what is skipped everywhere.
TEST_CASE("a block that is skipped at some tokens is a block still") {
  SmallRun run(SmallRun::small_model());
  CHECK(std::isfinite(list(run.measure("spikes", {}, run.edited({"at = \"block.2\"\ndo = \"skip\"\ntokens = [1]"})), "block_top").at(1)));
  CHECK(std::isnan(list(run.measure("spikes", {}, run.edited({"at = \"block.2\"\ndo = \"skip\""})), "block_top").at(1)));
}
