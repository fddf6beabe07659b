#include "ops/activation.h"
#include "ops/swiglu.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

template <class S>
S reference_activation(const std::string& name, const S& x) {
  using std::erf, std::exp;
  if (name == "silu") return x / (1.0 + exp(-x));
  if (name == "gelu") return 0.5 * x * (1.0 + erf(x / std::sqrt(2.0)));
  if (name == "gelu_tanh")  // (1 + tanh u) / 2 = 1 / (1 + exp(-2 u))
    return x / (1.0 + exp(-2.0 * std::sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
  return x > S(0) ? x : x * 0.0;
}

// One rounding out; the functions themselves to some units of f32 (GLSL's exp may be off by 3 + 2 |x| of them, |x| < 5 here).
OpTolerance tolerance_of(DType type) {
  const double tolerance = 2 * unit_roundoff(type) + 20 * unit_roundoff(DType::f32);
  return {tolerance, tolerance, 1.0};
}

}  // namespace

TEST_CASE("activations") {
  for (const std::string name : {"silu", "gelu", "gelu_tanh", "relu"}) {
    const auto reference = [name](const auto& in) {
      auto y = in[0];
      for (auto& x : y.data) x = reference_activation(name, x);
      return y;
    };
    for (const DType type : float_types)
      for (const Shape& shape : {Shape{1}, {7, 9}, {2, 5, 300}})
        check_op(
            name + " " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}}, reference,
            [name](Graph& g, const auto& in) { return activation(g, name, in[0]); }, tolerance_of(type));
  }
}

TEST_CASE("gelu is exact from its tails to its middle") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    for (auto& x : y.data) x = reference_activation("gelu", x);
    return y;
  };
  // |gelu| <= |x|, so an error of erf below 2e-7 (that of the normal distribution half of it) times the largest |x| bounds it; here in
  // units of |x| <= 10.
  const auto grid = [](std::size_t i) { return -10.0 + 0.005 * static_cast<double>(i); };
  check_op("gelu on a grid", {{{4001}, DType::f32, false, 1, grid}}, reference,
           [](Graph& g, const auto& in) { return activation(g, "gelu", in[0]); }, {2e-7, 0, 1.0});
  // Values of 1e-5 and less: 1 + erf would be off by a tenth there. The normal distribution is meant to hold 7e-5 of itself down to -5.
  const auto tail = [](std::size_t i) { return -4.5 - 0.001 * static_cast<double>(i); };
  check_op("gelu on its negative tail", {{{500}, DType::f32, false, 1, tail}}, reference,
           [](Graph& g, const auto& in) { return activation(g, "gelu", in[0]); }, {1e-4, 0});
}

TEST_CASE("activations of numbers beyond exp's range are finite") {
  for (const std::string name : {"silu", "gelu", "relu"}) {
    const auto reference = [name](const auto& in) {
      auto y = in[0];
      for (auto& x : y.data) x = x > 0 ? x : x * 0.0;
      return y;
    };
    const auto large = [](std::size_t i) { return (i % 2 ? -1 : 1) * (100.0 + 1e5 * static_cast<double>(i)); };
    check_op(name + " of large numbers", {{{64}, DType::f32, false, 1, large}}, reference,
             [name](Graph& g, const auto& in) { return activation(g, name, in[0]); }, {1e-6, 0});
  }
}

TEST_CASE("gated linear units") {
  for (const std::string name : {"silu", "gelu", "relu"}) {
    const auto reference = [name](const auto& in) {
      auto y = in[0];
      for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = reference_activation(name, in[0].data[i]) * in[1].data[i];
      return y;
    };
    for (const DType type : float_types)
      for (const Shape& shape : {Shape{1}, {7, 9}, {2, 5, 300}})
        check_op(
            "swiglu with " + name + " " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}, {shape, type}}, reference,
            [name](Graph& g, const auto& in) { return swiglu(g, in[0], in[1], name); }, tolerance_of(type));
  }
}

TEST_CASE("an unknown activation is refused by name") {
  const Caps caps;
  Graph graph(caps);
  const Tensor x = graph.input("x", {4}, DType::f32);
  CHECK_THROWS_WITH_AS(activation(graph, "swish", x), doctest::Contains("activation \"swish\" is not known"), InputError);
}
