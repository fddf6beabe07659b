#include "ops/statistics/count_changed.h"
#include "support/device.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <limits>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("count_changed counts what differs in value, row by row") {
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {2, 3, 64}, {300, 33}, {2, 4099}}) {
      if (!can_store("count_changed", type)) continue;
      // Of the entries every third is another one, by little; zeros of two signs are equal.
      const auto first = [](std::size_t i) { return i % 5 == 1 ? 0.0 : 1.0 + static_cast<double>(i % 4); };
      const auto second = [&](std::size_t i) { return i % 5 == 1 ? (i % 2 ? -0.0 : 0.0) : i % 3 == 0 ? first(i) * 1.03125 : first(i); };
      const std::vector<OpInput> inputs = {{shape, type, false, 1.0, first}, {shape, type, false, 1.0, second}};
      const auto data = random_inputs(inputs);
      const auto results =
          run_op(inputs, data, [](Graph& g, const auto& in) -> std::vector<Tensor> { return {count_changed(g, in[0], in[1])}; });
      const std::size_t dim = shape.back(), rows = data[0].data.size() / dim;
      REQUIRE(results[0].size() == rows);
      for (std::size_t row = 0; row < rows; ++row) {
        double expected = 0;
        for (std::size_t c = 0; c < dim; ++c) expected += data[0].data[row * dim + c] != data[1].data[row * dim + c];
        CHECK(results[0][row] == expected);
      }
    }
  }
}

TEST_CASE("count_changed: what is no number differs from all numbers, and not from itself") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<double, double>> pairs = {{nan, nan}, {nan, 1}, {1, nan}, {inf, inf}, {inf, -inf}, {1, inf}};
  const auto side = [&](bool second) { return [&, second](std::size_t i) { return second ? pairs[i].second : pairs[i].first; }; };
  const Shape shape{6, 1};
  const std::vector<OpInput> inputs = {{shape, DType::f32, false, 1.0, side(false)}, {shape, DType::f32, false, 1.0, side(true)}};
  const auto results = run_op(inputs, random_inputs(inputs),
                              [](Graph& g, const auto& in) -> std::vector<Tensor> { return {count_changed(g, in[0], in[1])}; });
  CHECK(results[0] == std::vector<double>{0, 1, 1, 0, 1, 1});
  Graph graph(pipelines().device().caps());
  CHECK_THROWS_AS(count_changed(graph, graph.input("a", {2, 3}, DType::f32), graph.input("b", {3, 2}, DType::f32)), InputError);
}
