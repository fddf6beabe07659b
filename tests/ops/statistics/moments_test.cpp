#include "ops/statistics/row_errors.h"
#include "ops/statistics/row_moments.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("moments and largest magnitudes of rows") {
  for (const DType type : float_types)
    for (const std::uint32_t dim : {1u, 3u, 64u, 1000u}) {
      if (!can_store("row_moments", type)) continue;
      const std::vector<Array<double>> x = random_inputs({{{3, 5, dim}, type, false, 2}});
      const auto got =
          run_op({{{3, 5, dim}, type, false}}, x, [](Graph& g, const auto& in) { return std::vector<Tensor>{row_moments(g, in[0])}; });
      // Sums of dim terms, each rounded a few times: their sizes, not their signs, say how far off they can be.
      const double tolerance = (4 + std::sqrt(static_cast<double>(dim))) * 4 * unit_roundoff(DType::f32);
      for (std::size_t row = 0; row < 15; ++row) {
        double mean = 0, largest = 0, sums[3] = {}, sizes[3] = {}, size = 0;
        for (std::size_t i = 0; i < dim; ++i) mean += x[0].data[row * dim + i] / dim, size += std::abs(x[0].data[row * dim + i]) / dim;
        for (std::size_t i = 0; i < dim; ++i) {
          const double d = x[0].data[row * dim + i] - mean;
          largest = std::max(largest, std::abs(x[0].data[row * dim + i]));
          for (int k = 0; k < 3; ++k) sums[k] += std::pow(d, k + 2), sizes[k] += std::pow(std::abs(d) + size * 1e-3, k + 2);
        }
        CHECK(std::abs(got[0][5 * row] - mean) <= tolerance * size);
        for (std::size_t k = 0; k < 3; ++k) CHECK(std::abs(got[0][5 * row + 1 + k] - sums[k]) <= tolerance * sizes[k] + 1e-12);
        CHECK(got[0][5 * row + 4] == largest);
      }
    }
}

TEST_CASE("a NaN is the largest magnitude of its row") {
  Array<double> x({1, 2, 3});
  x.data = {1, NAN, -5, 2, -7, 3};
  const auto got =
      run_op({{x.shape, DType::f32, false}}, {x}, [](Graph& g, const auto& in) { return std::vector<Tensor>{row_moments(g, in[0])}; });
  CHECK(std::isnan(got[0][4]));
  CHECK(got[0][9] == 7);
}

TEST_CASE("squares and squared errors of rows") {
  for (const DType type : float_types)
    for (const std::uint32_t dim : {1u, 3u, 64u, 1000u}) {
      if (!can_store("row_errors", type)) continue;
      const std::vector<OpInput> inputs = {{{2, 3, dim}, type, false}, {{2, 3, dim}, type, false}};
      const std::vector<Array<double>> x = random_inputs(inputs);
      const auto got = run_op(inputs, x, [](Graph& g, const auto& in) { return std::vector<Tensor>{row_errors(g, in[0], in[1])}; });
      const double tolerance = (4 + std::sqrt(static_cast<double>(dim))) * unit_roundoff(DType::f32);
      for (std::size_t row = 0; row < 6; ++row) {
        double signal = 0, noise = 0;
        for (std::size_t i = row * dim; i < (row + 1) * dim; ++i)
          signal += x[0].data[i] * x[0].data[i], noise += std::pow(x[0].data[i] - x[1].data[i], 2);
        CHECK(std::abs(got[0][2 * row] - signal) <= tolerance * signal);
        CHECK(std::abs(got[0][2 * row + 1] - noise) <= tolerance * noise);
      }
    }
  const Caps caps;
  Graph graph(caps);
  CHECK_THROWS_AS(row_errors(graph, graph.input("a", {2, 3}, DType::f32), graph.input("b", {3, 2}, DType::f32)), InputError);
}
