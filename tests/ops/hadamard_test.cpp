#include "ops/hadamard.h"

#include "base/hadamard.h"
#include "graph/executor.h"
#include "support/device.h"
#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

// The sum over all of a row's elements, signs by the definition.
template <class S>
Array<S> reference(const Array<S>& x, bool back) {
  const std::size_t n = x.shape.back(), rows = x.data.size() / n;
  const HadamardFactors f = hadamard_factors(n, "test");
  const auto sign = [&](std::size_t i, std::size_t j) {
    if (back) std::swap(i, j);
    double s = f.core[i % f.order * f.order + j % f.order];
    for (std::size_t both = (i / f.order) & (j / f.order); both; both &= both - 1) s = -s;
    return s;
  };
  Array<S> y(x.shape);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) y.data[r * n + i] += x.data[r * n + j] * S(sign(i, j) / std::sqrt(static_cast<double>(n)));
  return y;
}

// Sums of n terms of size 1 / sqrt(n), in log2(n) stages or one.
double tolerance(std::uint32_t n) { return 8 * std::sqrt(static_cast<double>(n)) * unit_roundoff(DType::f32); }

}  // namespace

TEST_CASE("hadamard") {
  for (const Shape& shape :
       {Shape{3, 1}, Shape{5, 2}, Shape{1, 7, 8}, Shape{2, 3, 12}, Shape{4, 24}, Shape{3, 28}, Shape{2, 36}, Shape{1, 88}, Shape{9, 128}})
    for (const bool back : {false, true})
      check_op(
          "hadamard " + to_string(shape) + (back ? " back" : ""), {{shape, DType::f32, true}},
          [&](const auto& in) { return reference(in[0], back); }, [&](Graph& g, const auto& in) { return hadamard(g, in[0], back); },
          {tolerance(shape.back()), tolerance(shape.back())});
}

TEST_CASE("hadamard there and back is nothing") {
  for (const std::uint32_t n : {16u, 28u, 72u})
    check_op(
        "hadamard there and back " + std::to_string(n), {{{6, n}, DType::f32, false}}, [](const auto& in) { return in[0]; },
        [](Graph& g, const auto& in) { return hadamard(g, hadamard(g, in[0]), true); }, {2 * tolerance(n)});
}

// A spike of 900 among numbers of size 1: in its own basis eight bits lose all of those, turned they lose a step of 900 / sqrt(128) / 127.
TEST_CASE("numbers beside a spike survive eight bits in another basis") {
  Normal normal(4);
  std::vector<float> x(3 * 128);
  for (float& value : x) value = static_cast<float>(normal());
  for (std::size_t row = 0; row < 3; ++row) x[row * 128 + 40 * row + 7] = 900;
  const auto noise = [&](const std::function<Tensor(Graph&, const Tensor&)>& quantized) {
    Graph graph(pipelines().device().caps());
    const Tensor in = graph.input("x", {1, 3, 128}, DType::f32), out = graph.keep(quantized(graph, in));
    Executor executor(pipelines(), graph);
    executor.write_floats(in, x);
    executor.run();
    const std::vector<float> y = executor.read_floats(out);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
    return sum / static_cast<double>(x.size());
  };
  const Quantization q{.format = "int8", .granularity = "token"};
  const double step = 900 / std::sqrt(128.0) / 127, plain = noise([&](Graph&g, const Tensor&in) { return quantize(g, in, q); }),
               turned = noise([&](Graph&g, const Tensor&in) { return quantize_turned(g, in, q); });
  CHECK(plain == doctest::Approx(1).epsilon(0.3));
  CHECK(turned < 1.5 * step * step / 12);
  CHECK(turned > 0.5 * step * step / 12);
  // A weight is turned along its inputs.
  const double weight = noise([](Graph& g, const Tensor& in) {
    const Quantization rows{.format = "int8", .granularity = "channel"};
    return g.reshape(quantize_turned(g, Matrix(g.reshape(in, {3, 128})), rows).parts[0], in.shape);
  });
  CHECK(weight == doctest::Approx(turned));
}

TEST_CASE("hadamard refuses what there is no matrix for") {
  Graph graph(pipelines().device().caps());
  CHECK_THROWS_AS(hadamard(graph, graph.input("x", {2, 30}, DType::f32)), InputError);
  CHECK_THROWS_AS(hadamard(graph, graph.input("x", {2, 16}, DType::f16)), InputError);
}
