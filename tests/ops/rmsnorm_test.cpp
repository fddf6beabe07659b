#include "ops/rmsnorm.h"
#include "ops/add.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("rmsnorm") {
  // The readable definition: no cleverness, any scalar.
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const auto& w = in[1];
    const std::size_t dim = w.data.size();
    for (std::size_t row = 0; row < y.data.size() / dim; ++row) {
      auto square = y.data[0] * 0.0;
      for (std::size_t i = 0; i < dim; ++i) square += y.data[row * dim + i] * y.data[row * dim + i];
      const auto root = sqrt(square / static_cast<double>(dim) + 1e-5);
      for (std::size_t i = 0; i < dim; ++i) y.data[row * dim + i] = y.data[row * dim + i] / root * w.data[i];
    }
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {5, 64}, {2, 3, 100}, {700, 33}, {300, 8}, {2, 4096}, {3, 2500}, {2, 17000}}) {
      // The input gradient is a difference of two terms of size 1 (they cancel altogether where dim is 1). Value: one rounding out, and the
      // f32 sum of `dim` squares whose error grows like sqrt(dim). Gradient: sums over dim or over rows.
      const double terms = std::max<double>(shape.back(), shape[0]);
      const double tolerance = 2 * unit_roundoff(type) + 8 * std::sqrt(terms) * unit_roundoff(DType::f32);
      check_op("rmsnorm " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}, {{shape.back()}}}, reference,
               [](Graph& g, const auto& in) { return rmsnorm(g, in[0], in[1], 1e-5f); }, {tolerance, 2 * tolerance, 1.0});
    }
  }
}

TEST_CASE("rmsnorm adds the gradient that its input got another way") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    for (std::size_t row = 0; row < 5; ++row) {
      auto square = y.data[0] * 0.0;
      for (std::size_t i = 0; i < 12; ++i) square += in[0](row, i) * in[0](row, i);
      for (std::size_t i = 0; i < 12; ++i) y(row, i) += in[0](row, i) / sqrt(square / 12.0 + 1e-5) * in[1].data[i];
    }
    return y;
  };
  for (const DType type : float_types) {
    const double tolerance = 4 * unit_roundoff(type) + 32 * unit_roundoff(DType::f32);
    check_op("x + rmsnorm(x) " + std::string(name_of(type)), {{{5, 12}, type}, {{12}}}, reference,
             [](Graph& g, const auto& in) { return add(g, in[0], rmsnorm(g, in[0], in[1], 1e-5f)); }, {tolerance, tolerance, 1.0});
  }
}
