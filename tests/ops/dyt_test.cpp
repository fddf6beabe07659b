#include "ops/dyt.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("dyt, with and without a bias") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const std::size_t dim = in[1].data.size();
    for (std::size_t i = 0; i < y.data.size(); ++i) {
      y.data[i] = in[1].data[i % dim] * tanh(in[2].data[0] * y.data[i]);
      if (in.size() > 3) y.data[i] += in[3].data[i % dim];
    }
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {2, 3, 100}, {700, 33}, {300, 8}, {2, 4096}}) {
      // One rounding out (an input gradient too); tanh and the products to a few units of f32; parameters' gradients are f32 sums over all
      // elements at most, of terms whose size is that of the sum's standard deviation when one term is left.
      const double terms = static_cast<double>(size_of(shape));
      const double value = 2 * unit_roundoff(type) + 16 * unit_roundoff(DType::f32),
                   gradient = value + 8 * std::sqrt(terms) * unit_roundoff(DType::f32);
      const auto alpha = [](std::size_t) { return 0.8125; };
      for (const bool biased : {false, true}) {
        std::vector<OpInput> inputs{{shape, type}, {{shape.back()}}, {{1}, DType::f32, true, 1, alpha}};
        if (biased) inputs.push_back({{shape.back()}});
        check_op("dyt " + std::string(name_of(type)) + " " + to_string(shape), inputs, reference,
                 [](Graph& g, const auto& in) { return dyt(g, in[0], in[1], in[2], in.size() > 3 ? in[3] : Tensor()); },
                 {value, gradient, 1.0});
      }
    }
  }
}

TEST_CASE("dyt saturates at any size of its input") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    for (auto& x : y.data) x = tanh(x);
    return y;
  };
  const auto one = [](std::size_t) { return 1.0; };
  const auto sizes = [](std::size_t i) { return std::pow(10.0, static_cast<double>(i % 40) - 20.0) * (i % 2 ? -1 : 1); };
  // Relative to every element: the floor of the comparison is the array's root mean square, so the small ones are checked in an array of
  // their own.
  check_op("dyt of large numbers",
           {{{5, 8}, DType::f32, false, 1, sizes}, {{8}, DType::f32, false, 1, one}, {{1}, DType::f32, false, 1, one}}, reference,
           [](Graph& g, const auto& in) { return dyt(g, in[0], in[1], in[2]); }, {1e-6, 0});
  const auto small = [](std::size_t i) { return 1e-4 * (static_cast<double>(i) + 1); };
  check_op("dyt of small numbers",
           {{{5, 8}, DType::f32, false, 1, small}, {{8}, DType::f32, false, 1, one}, {{1}, DType::f32, false, 1, one}}, reference,
           [](Graph& g, const auto& in) { return dyt(g, in[0], in[1], in[2]); }, {1e-6, 0});
}
