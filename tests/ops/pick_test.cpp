#include "ops/statistics/pick.h"

#include "support/device.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

using namespace ablate;

TEST_CASE("pick reads signed values where the largest entries are") {
  Graph graph(test::pipelines().device().caps());
  const Tensor x = graph.input("x", {2, 3, 4}, DType::f32);
  const Tensor picked = graph.keep(pick(graph, x, top_entries(graph, top_channels(graph, x, 2), 2)));
  std::vector<float> values(24, 0.5f);
  values[1 * 4 + 2] = -7;  // sequence 0, token 1, channel 2
  values[2 * 4 + 0] = 3;   // sequence 0, token 2, channel 0
  values[12 + 3] = 9;      // sequence 1, token 0, channel 3
  values[12 + 1] = -2;     // sequence 1, token 0, channel 1
  const auto executor = test::run_both_ways(graph, [&](Executor& to) { to.write_floats(x, values); });
  CHECK(executor->read_floats(picked) == std::vector<float>{-7, 3, 9, -2});
}

TEST_CASE("pick: where there are fewer entries than asked for, zeros") {
  Graph graph(test::pipelines().device().caps());
  const Tensor x = graph.input("x", {2, 1, 1}, DType::f32);
  const Tensor picked = graph.keep(pick(graph, x, top_entries(graph, top_channels(graph, x, 2), 2)));
  const auto executor = test::run_both_ways(graph, [&](Executor& to) { to.write_floats(x, std::vector<float>{-7, 3}); });
  CHECK(executor->read_floats(picked) == std::vector<float>{-7, 0, 3, 0});
}
