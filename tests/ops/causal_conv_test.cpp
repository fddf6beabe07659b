#include "ops/causal_conv.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

template <class A>
A reference(const A& x, const A& w) {
  A y(x.shape);
  const int tokens = static_cast<int>(x.shape[1]), taps = static_cast<int>(w.shape[2]);
  for (std::uint32_t b = 0; b < x.shape[0]; ++b)
    for (int t = 0; t < tokens; ++t)
      for (std::uint32_t c = 0; c < x.shape[2]; ++c)
        for (int j = 0; j < taps; ++j)
          if (const int from = t - taps + 1 + j; from >= 0) y(b, t, c) = y(b, t, c) + w(c, 0, j) * x(b, from, c);
  return y;
}

}  // namespace

TEST_CASE("causal_conv") {
  struct Size {
    std::uint32_t batch, tokens, channels, taps;
  };
  for (const DType type : float_types)
    for (const Size& s : {Size{1, 1, 1, 1}, {2, 3, 5, 4}, {3, 17, 12, 4}, {1, 2, 7, 9}, {2, 70, 33, 3}}) {
      // One rounding of the result; of a sum of `taps` products one each, and of a weight's gradient of as many as there are tokens. Terms of size 1 cancel.
      const double tolerance = unit_roundoff(type) + 2 * s.taps * unit_roundoff(DType::f32), rows = s.batch * s.tokens;
      check_op(
          "causal_conv " + std::string(name_of(type)) + " " + to_string({s.batch, s.tokens, s.channels, s.taps}),
          {{{s.batch, s.tokens, s.channels}, type}, {{s.channels, 1, s.taps}, DType::f32}},
          [](const auto& in) { return reference(in[0], in[1]); }, [](Graph& g, const auto& in) { return causal_conv(g, in[0], in[1]); },
          {tolerance, tolerance + 2 * std::sqrt(rows) * unit_roundoff(DType::f32), 1.0, std::sqrt(rows)});
    }
}

TEST_CASE("causal_conv refuses weights of other channels") {
  const Caps caps;
  Graph graph(caps);
  const Tensor x = graph.input("x", {2, 3, 4}, DType::f32);
  CHECK_THROWS_AS(causal_conv(graph, x, graph.input("w", {3, 1, 2}, DType::f32)), InputError);
  CHECK_THROWS_AS(causal_conv(graph, x, graph.input("w", {4, 2}, DType::f32)), InputError);
}
