#include "ops/statistics/column_max.h"
#include "ops/statistics/energy_share.h"
#include "ops/statistics/max_abs.h"
#include "ops/statistics/row_norms.h"
#include "ops/statistics/top_entries.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace ablate;
using namespace ablate::test;

namespace {

struct Entry {
  double magnitude = 0;
  double row = -1, channel = -1;
};

// The k largest |x| of rows [first, first + rows), by magnitude, then row, then channel; padded with entries that say "none".
std::vector<Entry> largest(const Array<double>& x, std::size_t dim, std::size_t first, std::size_t rows, std::size_t k) {
  std::vector<Entry> entries;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t channel = 0; channel < dim; ++channel)
      entries.push_back({std::abs(x.data[(first + row) * dim + channel]), static_cast<double>(row), static_cast<double>(channel)});
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.magnitude > b.magnitude; });
  entries.resize(k);
  return entries;
}

// Few different values, so that there are ties.
OpInput coarse(const Shape& shape, DType type) {
  return {shape, type, false, 1.0, [](std::size_t i) { return static_cast<double>(static_cast<int>(i * 2654435761u % 23) - 11) * 0.25; }};
}

}  // namespace

TEST_CASE("top_channels and top_entries: magnitudes, places and ties exactly") {
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1, 1}, {2, 3, 2}, {1, 5, 64}, {2, 7, 33}, {3, 100, 5}, {1, 2, 4096}, {2, 2, 1027}}) {
      for (const bool ties : {false, true}) {
        for (const std::uint32_t k : {1u, 3u, 8u}) {
          const std::string name = "top " + std::to_string(k) + " of " + std::string(name_of(type)) + " " + to_string(shape);
          if (!can_store(name, type)) continue;
          CAPTURE(name);
          const OpInput input = ties ? coarse(shape, type) : OpInput{shape, type, false};
          const auto data = random_inputs({input});
          const auto results = run_op({input}, data, [&](Graph& g, const auto& in) -> std::vector<Tensor> {
            const TopChannels top = top_channels(g, in[0], k);
            const TopEntries best = top_entries(g, top, shape[0]);
            return {top.values, top.channels, best.values, best.rows, best.channels};
          });
          const std::size_t rows = shape[0] * shape[1], dim = shape[2];
          std::size_t wrong = 0;
          for (std::size_t row = 0; row < rows; ++row) {
            const std::vector<Entry> expected = largest(data[0], dim, row, 1, k);
            for (std::size_t j = 0; j < k; ++j)
              wrong += results[0][row * k + j] != expected[j].magnitude || results[1][row * k + j] != expected[j].channel;
          }
          CHECK(wrong == 0);
          for (std::size_t group = 0; group < shape[0]; ++group) {
            const std::vector<Entry> expected = largest(data[0], dim, group * shape[1], shape[1], k);
            for (std::size_t j = 0; j < k; ++j) {
              CHECK(results[2][group * k + j] == expected[j].magnitude);
              CHECK(results[3][group * k + j] == expected[j].row);
              CHECK(results[4][group * k + j] == expected[j].channel);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("top_channels of rows that start between groups of four") {
  const OpInput input = coarse({6, 7}, DType::f32);
  const auto data = random_inputs({input});
  const auto results = run_op({input}, data, [&](Graph& g, const auto& in) -> std::vector<Tensor> {
    const TopChannels top = top_channels(g, g.slice(in[0], 1, 5), 2);
    return {top.values, top.channels};
  });
  for (std::size_t row = 0; row < 5; ++row) {
    const std::vector<Entry> expected = largest(data[0], 7, row + 1, 1, 2);
    for (std::size_t j = 0; j < 2; ++j) {
      CHECK(results[0][2 * row + j] == expected[j].magnitude);
      CHECK(results[1][2 * row + j] == expected[j].channel);
    }
  }
}

TEST_CASE("max_abs finds the spike, and a NaN before it") {
  for (const double spike : {-3818.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const OpInput input{
        {2, 9, 100}, DType::f32, false, 1.0, [spike](std::size_t i) { return i == 1234 ? spike : static_cast<double>(i % 7) - 3; }};
    const auto results = run_op({input}, random_inputs({input}), [](Graph& g, const auto& in) -> std::vector<Tensor> {
      const MaxAbs most = max_abs(g, in[0]);
      return {most.value, most.token, most.channel};
    });
    CHECK((std::isnan(spike) ? std::isnan(results[0][0]) : results[0][0] == std::abs(spike)));
    CHECK(results[1][0] == 12);
    CHECK(results[2][0] == 34);
  }
}

TEST_CASE("column_max") {
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {70, 5}, {300, 33}}) {
      if (!can_store("column_max", type)) continue;
      const OpInput input = coarse(shape, type);
      const auto data = random_inputs({input});
      const auto results = run_op({input}, data, [](Graph& g, const auto& in) -> std::vector<Tensor> {
        const ColumnMax most = column_max(g, in[0]);
        return {most.values, most.rows};
      });
      for (std::size_t i = 0; i < shape[1]; ++i) {
        std::size_t best = 0;
        for (std::size_t row = 1; row < shape[0]; ++row)
          if (std::abs(data[0].data[row * shape[1] + i]) > std::abs(data[0].data[best * shape[1] + i])) best = row;
        CHECK(results[0][i] == std::abs(data[0].data[best * shape[1] + i]));
        CHECK(results[1][i] == static_cast<double>(best));
      }
    }
  }
}

TEST_CASE("energy_share") {
  const std::uint32_t dim = 37;
  const OpInput input{{5, dim}, DType::f32, false, 1.0, [](std::size_t i) {
                        return i / dim == 3 ? 0.0 : std::sin(static_cast<double>(i * i)) * (i % dim == 4 ? 50 : 1);
                      }};
  const auto data = random_inputs({input});
  const auto results = run_op({input}, data, [](Graph& g, const auto& in) -> std::vector<Tensor> {
    return {energy_share(g, top_channels(g, in[0], 3), row_norms(g, in[0]))};
  });
  std::vector<double> expected(5);
  for (std::size_t row = 0; row < 5; ++row) {
    double top = 0, all = 0;
    for (const Entry& entry : largest(data[0], dim, row, 1, 3)) top += entry.magnitude * entry.magnitude;
    for (std::size_t i = 0; i < dim; ++i) all += data[0].data[row * dim + i] * data[0].data[row * dim + i];
    expected[row] = all > 0 ? top / all : 0;
  }
  // The norm is a sum of 37 squares and a root, squared again: a dozen roundings.
  compare("energy_share", expected, {results[0].begin(), results[0].end()}, 16 * unit_roundoff(DType::f32));
}
