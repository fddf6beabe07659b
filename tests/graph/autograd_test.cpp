// Gradients that arrive along several ways are summed, whatever the graph between.
#include "ops/add.h"
#include "ops/bias.h"
#include "ops/multiply.h"
#include "ops/scale.h"
#include "support/device.h"
#include "support/op_test.h"

#include <doctest/doctest.h>

using namespace ablate;
using namespace ablate::test;

namespace {

template <class S>
Array<S> product(const Array<S>& a, const Array<S>& b) {
  Array<S> y = a;
  for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = a.data[i] * b.data[i];
  return y;
}
template <class S>
Array<S> sum(const Array<S>& a, const Array<S>& b) {
  Array<S> y = a;
  for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = a.data[i] + b.data[i];
  return y;
}

}  // namespace

// Up to eight roundings in a row, of terms no larger than the result's scale: 16 u leaves room for cancellation.
static constexpr double tolerance = 16 * 0x1p-24;

TEST_CASE("gradient of a tensor used many times") {
  for (const int uses : {1, 2, 3, 5, 8}) {
    check_op(
        "sum of " + std::to_string(uses), {{{3, 5}}},
        [=](const auto& in) {
          auto y = in[0];
          for (int i = 1; i < uses; ++i) y = sum(y, in[0]);
          return y;
        },
        [=](Graph& g, const auto& in) {
          Tensor y = in[0];
          for (int i = 1; i < uses; ++i) y = add(g, y, in[0]);
          return uses == 1 ? scale(g, y, 1.0f) : y;
        },
        {tolerance, tolerance});
    check_op(
        "power " + std::to_string(uses + 1), {{{3, 5}}},
        [=](const auto& in) {
          auto y = in[0];
          for (int i = 0; i < uses; ++i) y = product(y, in[0]);
          return y;
        },
        [=](Graph& g, const auto& in) {
          Tensor y = in[0];
          for (int i = 0; i < uses; ++i) y = multiply(g, y, in[0]);
          return y;
        },
        {tolerance, tolerance, 8, 8});
  }
}

TEST_CASE("gradient of the same tensor twice in one op") {
  check_op(
      "square", {{{4, 7}}}, [](const auto& in) { return product(in[0], in[0]); },
      [](Graph& g, const auto& in) { return multiply(g, in[0], in[0]); }, {tolerance, tolerance});
}

TEST_CASE("gradient through diamonds") {
  check_op(
      "diamond", {{{4, 7}}, {{4, 7}}, {{4, 7}}},
      [](const auto& in) {
        const auto middle = product(in[0], in[1]);
        return sum(product(middle, in[2]), product(middle, middle));
      },
      [](Graph& g, const auto& in) {
        const Tensor middle = multiply(g, in[0], in[1]);
        return add(g, multiply(g, middle, in[2]), multiply(g, middle, middle));
      },
      {tolerance, tolerance, 1, 4});
  check_op(
      "diamonds in a row, with a way around", {{{4, 7}}, {{4, 7}}},
      [](const auto& in) {
        auto y = in[0];
        for (int i = 0; i < 3; ++i) y = sum(product(y, in[1]), y);
        return sum(y, in[0]);
      },
      [](Graph& g, const auto& in) {
        Tensor y = in[0];
        for (int i = 0; i < 3; ++i) y = add(g, multiply(g, y, in[1]), y);
        return add(g, y, in[0]);
      },
      {tolerance, tolerance, 8, 16});
}

TEST_CASE("gradient through views") {
  check_op(
      "reshaped, and as it is", {{{4, 6}}, {{4, 6}}}, [](const auto& in) { return sum(product(in[0], in[1]), in[0]); },
      [](Graph& g, const auto& in) {
        const Tensor flat = multiply(g, g.reshape(in[0], {24}), g.reshape(in[1], {24}));
        return add(g, g.reshape(flat, {4, 6}), in[0]);
      },
      {tolerance, tolerance, 1, 1});
  check_op(
      "the same tensor by two views", {{{4, 6}}}, [](const auto& in) { return product(in[0], in[0]); },
      [](Graph& g, const auto& in) {
        return g.reshape(multiply(g, g.reshape(in[0], {24}), g.reshape(in[0], {24})), {4, 6});
      },
      {tolerance, tolerance});
}

// The leaf's gradient is f32 though each part is f16: every part is rounded once, and their sum is not. Values and seed are of size 1, the
// gradient 3 * seed: 3 u of it.
TEST_CASE("parts of a 16-bit gradient") {
  for (const DType type : {DType::f16, DType::bf16}) {
    const double u = unit_roundoff(type);
    check_op(
        "three ways in " + std::string(name_of(type)), {{{5, 8}, type}}, [](const auto& in) { return sum(sum(in[0], in[0]), in[0]); },
        [](Graph& g, const auto& in) { return add(g, add(g, in[0], in[0]), in[0]); }, {4 * u, 4 * u});
  }
}

TEST_CASE("what the loss does not depend on has no gradient, what needs none gets none") {
  Graph graph(pipelines().device().caps());
  const Tensor x = graph.input("x", {4}, DType::f32), aside = graph.input("aside", {4}, DType::f32),
               fixed = graph.input("fixed", {4}, DType::f32), seed = graph.input("seed", {4}, DType::f32);
  graph.require_gradient(x);
  graph.require_gradient(aside);
  const Tensor y = multiply(graph, x, fixed);
  multiply(graph, aside, y);  // computed, and not part of the loss
  backward(graph, y, seed);
  CHECK(static_cast<bool>(graph.gradient(x)));
  CHECK_FALSE(static_cast<bool>(graph.gradient(aside)));
  CHECK_FALSE(static_cast<bool>(graph.gradient(fixed)));
}

TEST_CASE("a gradient rule that gives too few gradients, or one of another shape, is refused") {
  const auto with_rule = [](const Vjp& rule) {
    Graph graph(pipelines().device().caps());
    const Tensor x = graph.input("x", {4}, DType::f32);
    graph.require_gradient(x);
    const Tensor y = graph.differentiable(graph.tensor({4}, DType::f32), {x}, rule);
    backward(graph, y, graph.input("seed", {4}, DType::f32));
  };
  CHECK_THROWS_WITH_AS(with_rule([](Graph&, const Tensor&) { return std::vector<Tensor>{}; }),
                       doctest::Contains("0 gradients for 1 inputs"), InputError);
  CHECK_THROWS_WITH_AS(with_rule([](Graph& g, const Tensor&) { return std::vector<Tensor>{g.tensor({3}, DType::f32)}; }),
                       doctest::Contains("(3)"), InputError);
}
