#include "ops/gate.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("gate: logits per channel, head or token, from the tokens, constant or by position") {
  enum class From { tokens, constant, position };
  struct Size {
    std::uint32_t batch, time, heads, head_dim;
  };
  for (const DType type : float_types) {
    for (const Size& s : {Size{1, 1, 1, 1}, {2, 3, 2, 5}, {3, 7, 4, 8}, {40, 5, 3, 12}}) {
      const std::uint32_t channels = s.heads * s.head_dim;
      for (const std::uint32_t width : {channels, s.heads, 1u}) {
        for (const From from : {From::tokens, From::constant, From::position}) {
          const Shape z = from == From::tokens     ? Shape{s.batch, s.time, width}
                          : from == From::constant ? Shape{width}
                                                   : Shape{s.time + 2, width};
          const auto reference = [=](const auto& in) {
            auto y = in[0];
            for (std::size_t i = 0; i < y.data.size(); ++i) {
              const std::size_t token = i / channels, channel = i % channels;
              const std::size_t row = from == From::tokens ? token : from == From::constant ? 0 : token % s.time;
              const std::size_t column = width == channels ? channel : width == s.heads ? channel / s.head_dim : 0;
              y.data[i] = y.data[i] / (1.0 + exp(-in[1].data[row * width + column]));
            }
            return y;
          };
          // One rounding out; the logits' gradients are f32 sums over at most all elements. GLSL's exp may be off by 3 + 2 |z| units.
          const double terms = static_cast<double>(s.batch * s.time * channels);
          const double value = 2 * unit_roundoff(type) + 16 * unit_roundoff(DType::f32),
                       gradient = value + 4 * std::sqrt(terms) * unit_roundoff(DType::f32);
          check_op("gate " + std::string(name_of(type)) + " " + to_string({s.batch, s.time, s.heads, s.head_dim}) + " by " + to_string(z),
                   {{{s.batch, s.time, channels}, type}, {z, from == From::tokens ? type : DType::f32}}, reference,
                   [s](Graph& g, const auto& in) { return gate(g, in[0], in[1], s.heads); }, {value, gradient, 1.0});
        }
      }
    }
  }
}

TEST_CASE("gate refuses logits that do not fit") {
  const Caps caps;
  Graph graph(caps);
  const Tensor y = graph.input("y", {2, 5, 12}, DType::f32);
  for (const Shape& z : {Shape{2, 5, 4}, {2, 4, 12}, {4, 12}, {5}, {}})
    CHECK_THROWS_AS(gate(graph, y, graph.input("z", z, DType::f32), 3), InputError);
}
