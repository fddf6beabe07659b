#include "ops/layernorm.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("layernorm") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const auto& w = in[1];
    const std::size_t dim = w.data.size();
    for (std::size_t row = 0; row < y.data.size() / dim; ++row) {
      auto* x = y.data.data() + row * dim;
      auto mean = x[0] * 0.0, square = x[0] * 0.0;
      for (std::size_t i = 0; i < dim; ++i) mean += x[i] / static_cast<double>(dim);
      for (std::size_t i = 0; i < dim; ++i) square += (x[i] - mean) * (x[i] - mean);
      const auto root = sqrt(square / static_cast<double>(dim) + 1e-5);
      for (std::size_t i = 0; i < dim; ++i) x[i] = (x[i] - mean) / root * w.data[i];
    }
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{3, 7}, {5, 64}, {2, 3, 100}, {700, 33}, {300, 8}, {2, 4096}, {3, 2500}}) {
      // As for rmsnorm: one rounding out, f32 sums over dim or rows, and an input gradient that is a difference of terms of size 1.
      const double terms = std::max<double>(shape.back(), shape[0]);
      const double tolerance = 2 * unit_roundoff(type) + 8 * std::sqrt(terms) * unit_roundoff(DType::f32);
      check_op("layernorm " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}, {{shape.back()}}}, reference,
               [](Graph& g, const auto& in) { return layernorm(g, in[0], in[1], 1e-5f); }, {tolerance, 2 * tolerance, 1.0});
    }
  }
}

TEST_CASE("layernorm of a row far from zero keeps its digits") {
  // The mean is subtracted before squaring: with mean 1000 and deviation 1, E[x^2] - mean^2 would be lost in f32. What remains is the
  // rounding of the mean, 1000 * 2^-24 = 6e-5 per element, and a few more for the sum.
  const auto reference = [](const auto& in) {
    auto y = in[0];
    double mean = 0, square = 0;
    for (const auto& x : y.data) mean += value_of(x) / 64.0;
    for (const auto& x : y.data) square += (value_of(x) - mean) * (value_of(x) - mean) / 64.0;
    for (auto& x : y.data) x = (x - mean) / std::sqrt(square + 1e-5);
    return y;
  };
  check_op("layernorm far from zero",
           {{{1, 64}, DType::f32, false, 1, [](std::size_t i) { return 1000 + std::sin(static_cast<double>(i)); }},
            {{64}, DType::f32, false, 1, [](std::size_t) { return 1.0; }}},
           reference, [](Graph& g, const auto& in) { return layernorm(g, in[0], in[1], 1e-5f); }, {4e-4, 0});
}
