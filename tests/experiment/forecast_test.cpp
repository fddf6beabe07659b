// `ablate check`: what a point is said to take against what it takes.
#include "base/error.h"
#include "model/json_settings.h"
#include "support/run_request.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

namespace {

const char* const base = R"(
name = "f"
kind = "train"
title = "forecast"
[data]
source = "text"
files = ["not there.txt"]
tokenizer = "bytes"
[model]
vocab_size = 300
d_model = 64
n_layers = 2
n_heads = 4
[train]
steps = 40
batch = 16
seq_len = 64
eval_windows = 16
[[variant]]
name = "narrow"
[[variant]]
name = "wide"
"model.d_model" = 128
"train.batch" = 8
)";

}  // namespace

// A step costs 6 FLOP per parameter of a matrix and token (the first layer's products need no gradient of their input), attention and the
// rest come on top; an evaluation of 16 windows adds a third of a step.
TEST_CASE("forecast: figures of a training point whose data is not there") {
  const TemporaryFolder folder;
  const Forecast what = forecast(run_request(folder, base, {}));
  REQUIRE(what.points.size() == 2);
  CHECK(what.notes.size() == 1);
  for (const PointForecast& point : what.points) {
    CHECK(point.refusal.empty());
    const double d = point.index == 0 ? 64 : 128, ffn = point.index == 0 ? 176 : 352, batch = point.index == 0 ? 16 : 8;
    const double matrices = 2 * (4 * d * d + 3 * d * ffn) + 300 * d;
    CHECK(point.plan.parameters == matrices + 300 * d + 5 * d);
    CHECK(point.plan.tokens == 40 * batch * 64);
    CHECK(point.plan.work.flop() > 6 * matrices * point.plan.tokens);
    CHECK(point.plan.work.flop() < 9 * matrices * point.plan.tokens);
    CHECK(point.seconds > 0);
  }
}

// Points that differ in what no graph depends on share a forecast; those that differ in anything else have their own.
TEST_CASE("forecast: every size of a point counts") {
  const TemporaryFolder folder;
  const std::string one(base, std::string_view(base).find("[[variant]]"));
  for (const std::string axis : {"train.seq_len = [32, 64]", "train.batch = [8, 16]", "train.steps = [20, 40]", "model.n_layers = [1, 2]",
                                 "model.d_ffn = [64, 128]", "train.eval_windows = [8, 256]"}) {
    CAPTURE(axis);
    const Forecast what = forecast(run_request(folder, one + "[sweep]\n" + axis + "\n", {}));
    REQUIRE(what.points.size() == 2);
    CHECK(what.points[0].plan.work.flop() < 0.95 * what.points[1].plan.work.flop());
  }
  const Forecast same = forecast(run_request(folder, one + "[sweep]\nseed = [1, 2]\n", {}));
  CHECK(same.points.at(0).plan.work.flop() == same.points.at(1).plan.work.flop());
}

// 20 ms of dispatches that took 10 ms together: three times the work takes 30.
TEST_CASE("forecast: work goes on at the pace that was seen") {
  const Caps caps;
  Graph graph(caps);
  const Tensor x = graph.tensor({1000}, DType::f32);
  for (const char* shader : {"one", "two"})
    graph.dispatch({.shader = shader, .push = {x}, .items = 1, .cost = {.flop = 10, .bytes = 4000}});
  Pace pace;
  CHECK_FALSE(pace.known());
  pace.watch(graph, std::vector<DispatchTime>{{"one", 0.015, {10, 4000}}, {"two", 0.005, {10, 4000}}}, 0.010);
  Work work;
  work.add(graph, 3);
  CHECK(work.flop() == 60);
  CHECK(pace.seconds(work) == doctest::Approx(0.030));

  Graph other(caps);  // a kernel that was not seen goes at the mean of the others; a tiny one takes as long as the shortest launch
  other.dispatch({.shader = "three", .push = {x}, .items = 1, .cost = {.flop = 10, .bytes = 40000}});
  other.dispatch({.shader = "two", .push = {x}, .items = 1, .cost = {.flop = 10, .bytes = 4}});
  Work more;
  more.add(other, 1);
  CHECK(pace.seconds(more) == doctest::Approx((0.100 + 0.005) / 2));
}

TEST_CASE("forecast: what does not fit is refused, with its figures") {
  const TemporaryFolder folder;
  const Forecast what = forecast(run_request(folder, base, {"train.batch=4096", "model.n_layers=30"}, "heap=9000000"));
  const PointForecast& point = what.points.at(0);
  CHECK(point.refusal.find("needs too much device memory") != std::string::npos);
  CHECK(point.plan.memory.total() > 9000000);
  CHECK(point.plan.work.flop() > 0);
  CHECK(format_forecast(what, run_request(folder, base, {}).plan, {"", "d_model=128"}).find("does not fit") != std::string::npos);
}
