#include "experiment/table.h"

#include "experiment/progress.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;

static Row row(const std::string& name, std::int64_t seed, Metrics metrics) {
  Row row;
  row.id = row.label = row.name = name;
  row.swept = {{"seed", Value{seed, ""}}};
  row.metrics = std::move(metrics);
  return row;
}

TEST_CASE("table: columns line up, published values stand beside, seeds become mean and spread") {
  std::vector<Row> rows{row("pre-norm", 1, {{"tokens_per_s", 1e6}, {"loss", 3.356}, {"spike", 72.0}, {"spike_token", 0.0}}),
                        row("pre-norm", 2, {{"tokens_per_s", 1e6}, {"loss", 3.317}, {"spike", 79.0}}),
                        row("sandwich", 1, {{"loss", 3.264}, {"spike", NAN}}), row("dyt", 1, {})};
  rows[0].reference = {{"spike", 3818}};
  rows[3].error = "NaN at step 12";
  CHECK(format_table(rows) ==
        "point     seed             loss        spike  published  tokens_per_s\n"
        "--------  -------  ------------  -----------  ---------  ------------\n"
        "pre-norm  2 seeds  3.337 ±0.028  75.50 ±4.95     (3818)    1000000 ±0\n"
        "sandwich  1               3.264            -                        -\n"
        "dyt       1        failed: NaN at step 12\n");
}

TEST_CASE("table: swept keys are columns; without names the first column is not empty") {
  std::vector<Row> rows{row("", 1, {{"loss", 1.0}}), row("", 2, {{"loss", 2.0}})};
  rows[0].swept = {{"train.lr", Value{1e-3, ""}}};
  rows[1].swept = {{"train.lr", Value{2e-3, ""}}};
  CHECK(format_table(rows, {"loss"}) == "train.lr   loss\n--------  -----\n0.001     1.000\n0.002     2.000\n");
  CHECK(format_table({}) == "no rows\n");
}

TEST_CASE("life cycle: rise, plateau and fall on a log scale") {
  const std::vector<double> spikes{1, 1, 100, 100, 100, 11};
  CHECK(plot_life_cycle(spikes, 40, 4) ==
        "    100.0 |      █████████\n"
        "          |      █████████▁▁▁\n"
        "          |      ████████████\n"
        "    1.000 |▁▁▁▁▁▁████████████\n"
        "           state 0          5\n");
  CHECK(plot_life_cycle(std::vector<double>{NAN}, 40, 4) == "no finite activation to plot\n");
}

TEST_CASE("life cycle: more states than columns share bars, and nothing else breaks the plot") {
  const std::vector<double> many(1000, 5.0);
  const std::string plot = plot_life_cycle(many, 80, 3);
  CHECK(plot.find("999\n") != std::string::npos);
  CHECK_NOTHROW(plot_life_cycle(std::vector<double>{0, INFINITY, -1, 2}, 1, 1));
}

TEST_CASE("progress: one line that says where the run is") {
  ProgressState state;
  state.points = 8;
  state.index = 2;
  state.label = "sandwich";
  state.step = 450;
  state.steps = 900;
  state.tokens_per_second = 1.24e6;
  state.seconds_left = 250;
  state.note = "loss 3.41";
  CHECK(progress_line(state, 0) ==
        "point 3 of 8  sandwich  [======>             ] 31%  step 450/900  1.2M tokens/s  loss 3.41  4m10s left");
  CHECK(progress_line(state, 20) == "point 3 of 8  sandwi");
  CHECK(duration_text(3.21) == "3.2s");
  CHECK(duration_text(7500) == "2h05m");
  state.step = 2000;
  CHECK(state.done() == 0.375);
}

TEST_CASE("table: rows of a group stand under its name, with the metrics they have") {
  std::vector<Row> rows{row("alone", 1, {{"loss", 1.0}}), row("intact", 1, {{"spike", 900.0}}), row("trained", 1, {{"loss", 2.0}}),
                        row("zeroed", 1, {{"spike", 1.0}})};
  rows[1].group = rows[3].group = "Planted";
  rows[2].group = "Grown";
  CHECK(format_table(rows) ==
        "point  seed   loss\n-----  ----  -----\nalone  1     1.000\n\n"
        "Planted\npoint   seed  spike\n------  ----  -----\nintact  1     900.0\nzeroed  1     1.000\n\n"
        "Grown\npoint    seed   loss\n-------  ----  -----\ntrained  1     2.000\n");
}
