#include "ops/statistics/massive_activations.h"
#include "ops/statistics/median_abs.h"
#include "ops/statistics/row_medians.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

double lower_median(std::vector<double> x) {
  for (double& value : x) value = std::abs(value);
  std::sort(x.begin(), x.end());
  return x[(x.size() - 1) / 2];
}

std::vector<double> part(const std::vector<double>& x, std::size_t group, std::size_t groups) {
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(x.size() / groups), first = static_cast<std::ptrdiff_t>(group) * size;
  return {x.begin() + first, x.begin() + first + size};
}

}  // namespace

TEST_CASE("row_medians are exact") {
  for (const DType type : float_types)
    for (const Shape& shape : {Shape{1, 1}, Shape{3, 2}, Shape{2, 7, 33}, Shape{5, 4096}, Shape{70, 101}}) {
      if (!can_store("row_medians", type)) continue;
      const auto fill = [&](std::size_t i) { return i % 5 == 0 ? 0.0 : std::sin(static_cast<double>(i * i)) * (i % 7 == 1 ? 3000 : 1e-3); };
      const std::vector<OpInput> inputs = {{shape, type, false, 1, fill}};
      const auto data = random_inputs(inputs);
      const auto found = run_op(inputs, data, [](Graph& g, const auto& in) -> std::vector<Tensor> { return {row_medians(g, in[0])}; });
      const std::size_t rows = data[0].data.size() / shape.back();
      REQUIRE(found[0].size() == rows);
      for (std::size_t row = 0; row < rows; ++row) CHECK(found[0][row] == lower_median(part(data[0].data, row, rows)));
    }
}

TEST_CASE("median_abs is exact") {
  struct Case {
    Shape shape;
    std::uint32_t groups;
  };
  for (const DType type : float_types) {
    for (const Case& c : {Case{{1, 1}, 1}, {{1, 2}, 1}, {{3, 7}, 1}, {{4, 33}, 4}, {{2, 100, 101}, 2}, {{6, 5000}, 3}}) {
      for (const double scale : {1e-3, 1.0, 3000.0}) {
        if (!can_store("median_abs", type)) continue;
        const std::vector<OpInput> inputs = {{c.shape, type, false, scale}};
        const auto data = random_inputs(inputs);
        const auto results =
            run_op(inputs, data, [&](Graph& g, const auto& in) -> std::vector<Tensor> { return {median_abs(g, in[0], c.groups)}; });
        for (std::size_t group = 0; group < c.groups; ++group)
          CHECK(results[0][group] == lower_median(part(data[0].data, group, c.groups)));
      }
    }
  }
}

TEST_CASE("median_abs of equal entries, zeros and a spike among few values") {
  for (const double value : {0.0, -2.5, 1e30}) {
    const std::vector<OpInput> inputs = {{{3, 50}, DType::f32, false, 1.0, [value](std::size_t i) { return i == 70 ? 4000.0 : value; }}};
    const auto results =
        run_op(inputs, random_inputs(inputs), [](Graph& g, const auto& in) -> std::vector<Tensor> { return {median_abs(g, in[0])}; });
    CHECK(results[0][0] == static_cast<double>(static_cast<float>(std::abs(value))));
  }
}

TEST_CASE("massive_activations: exact counts of every row and channel, however many there are") {
  const float ratio = 3.0f;
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{2, 3, 5}, {2, 40, 33}, {1, 3, 1000}, {2, 200, 64}}) {
      for (const float threshold : {2.0f, 0.0f}) {  // by 0 and its ratio of 0 all are
        if (!can_store("massive_activations", type)) continue;
        const std::uint32_t groups = shape[0];
        const float times = threshold > 0 ? ratio : 0;
        // The second sequence is larger, so that its median decides and not the threshold.
        const std::size_t half = size_of(shape) / 2;
        const std::vector<OpInput> inputs = {{shape, type, false, 1.0, [half](std::size_t i) {
                                                return 2.5 * std::sin(static_cast<double>(i * i)) * std::cos(static_cast<double>(i)) *
                                                       (i < half ? 1 : 3);
                                              }}};
        const auto data = random_inputs(inputs);
        const auto results = run_op(inputs, data, [&](Graph& g, const auto& in) -> std::vector<Tensor> {
          const MassiveActivations found = massive_activations(g, in[0], median_abs(g, in[0], groups), threshold, times);
          return {found.rows, found.channels};
        });
        std::vector<double> rows(std::size_t{shape[0]} * shape[1]), channels(shape[2]), medians;
        for (std::size_t group = 0; group < groups; ++group) medians.push_back(lower_median(part(data[0].data, group, groups)));
        for (std::size_t i = 0; i < data[0].data.size(); ++i) {
          const double median = medians[i / (data[0].data.size() / groups)], magnitude = std::abs(data[0].data[i]);
          if (!(magnitude > static_cast<double>(threshold) && static_cast<float>(magnitude) >= times * static_cast<float>(median)))
            continue;
          ++rows[i / shape[2]], ++channels[i % shape[2]];
        }
        CAPTURE(to_string(shape));
        CAPTURE(threshold);
        CHECK(results[0] == rows);
        CHECK(results[1] == channels);
      }
    }
  }
}

TEST_CASE("massive_activations: NaN and infinity are massive") {
  const double values[] = {std::nan(""), 1.0, -INFINITY, 150.0, 99.0, -std::nan("")};
  const OpInput input{{2, 3}, DType::f32, false, 1.0, [&](std::size_t i) { return values[i]; }};
  const auto results = run_op({input, {{1}, DType::f32, false, 1.0, [](std::size_t) { return 0.1; }}},
                              random_inputs({input, {{1}, DType::f32, false, 1.0, [](std::size_t) { return 0.1; }}}),
                              [](Graph& g, const auto& in) -> std::vector<Tensor> {
                                const MassiveActivations found = massive_activations(g, in[0], in[1], 100, 1000);
                                return {found.rows, found.channels};
                              });
  CHECK(results[0] == std::vector<double>{2, 2});
  CHECK(results[1] == std::vector<double>{2, 0, 2});
}
