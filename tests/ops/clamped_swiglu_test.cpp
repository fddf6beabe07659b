#include "ops/clamped_swiglu.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("clamped_swiglu: (clamp(up) + 1) * g * sigmoid(alpha g), g no more than the limit") {
  constexpr double limit = 1.5, alpha = 1.702;
  // None within a finite difference of the limit.
  const auto steps = [](std::size_t i) { return 0.25 * static_cast<double>(i * 7 % 29) - 3.4; };
  const auto others = [](std::size_t i) { return 0.25 * static_cast<double>(i * 5 % 23) - 2.9; };
  for (const DType type : float_types)
    for (const Shape& shape : {Shape{1}, Shape{3, 5}, Shape{2, 7, 64}}) {
      const auto reference = [=](const auto& in) {
        auto y = in[0];
        for (std::size_t i = 0; i < y.data.size(); ++i) {
          auto g = in[0].data[i], u = in[1].data[i];
          using S = decltype(g);
          if (steps(i) > limit) g = S(limit);
          if (others(i) > limit) u = S(limit);
          if (others(i) < -limit) u = S(-limit);
          y.data[i] = (u + 1.0) * g / (1.0 + exp(-alpha * g));
        }
        return y;
      };
      // One rounding out; GLSL's exp may be off by 3 + 2 |x| units, and 1 + up loses a unit of up.
      const double tolerance = 2 * unit_roundoff(type) + 24 * unit_roundoff(DType::f32);
      check_op("clamped_swiglu " + std::string(name_of(type)) + " " + to_string(shape),
               {{shape, type, true, 1, steps}, {shape, type, true, 1, others}}, reference,
               [=](Graph& g, const auto& in) { return clamped_swiglu(g, in[0], in[1], limit, alpha); }, {tolerance, 2 * tolerance, 1.0});
    }
}

TEST_CASE("clamped_swiglu refuses halves that differ") {
  const Caps caps;
  Graph graph(caps);
  CHECK_THROWS_AS(clamped_swiglu(graph, graph.input("a", {2, 3}, DType::f32), graph.input("b", {3, 2}, DType::f32), 7, 1), InputError);
}
