#include "ops/delta_rule.h"

#include "support/op_run.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

struct Size {
  std::uint32_t batch, tokens, key_heads, shared, key_dim, value_dim;
  std::uint32_t heads() const { return key_heads * shared; }
};

/// Step by step as the paper has it, with the whole state.
template <class A>
A reference(const std::vector<A>& in, const Size& s, double scale) {
  const A &q = in[0], &k = in[1], &v = in[2], &decay = in[3], &beta = in[4];
  A y(v.shape);
  for (std::uint32_t b = 0; b < s.batch; ++b)
    for (std::uint32_t h = 0; h < s.heads(); ++h) {
      A state({s.key_dim, s.value_dim});
      const std::uint32_t key = h / s.shared * s.key_dim, value = h * s.value_dim;
      for (std::uint32_t t = 0; t < s.tokens; ++t) {
        for (auto& one : state.data) one = one * decay(b, t, h);
        for (std::uint32_t j = 0; j < s.value_dim; ++j) {
          auto change = v(b, t, value + j);
          for (std::uint32_t i = 0; i < s.key_dim; ++i) change = change - state(i, j) * k(b, t, key + i);
          change = change * beta(b, t, h);
          for (std::uint32_t i = 0; i < s.key_dim; ++i) state(i, j) = state(i, j) + k(b, t, key + i) * change;
          for (std::uint32_t i = 0; i < s.key_dim; ++i) y(b, t, value + j) = y(b, t, value + j) + q(b, t, key + i) * state(i, j) * scale;
        }
      }
    }
  return y;
}

/// From nearly 0 to 1, all over it.
double share(std::size_t i) { return 0.02 + static_cast<double>(i * 37 % 99) / 100; }

}  // namespace

TEST_CASE("delta_rule") {
  for (const DType type : float_types)
    for (const Size& s : {Size{1, 1, 1, 1, 1, 1}, {2, 3, 1, 2, 5, 3}, {1, 19, 2, 3, 6, 7}, {2, 40, 2, 1, 12, 8}, {1, 5, 1, 1, 256, 3}}) {
      const double unit = 1 / std::sqrt(static_cast<double>(s.key_dim)), scale = unit;
      const Shape keys{s.batch, s.tokens, s.key_heads * s.key_dim}, values{s.batch, s.tokens, s.heads() * s.value_dim},
          gates{s.batch, s.tokens, s.heads()};
      // One rounding of the result. Keys of length about 1 keep the state's size about 1; a token's sums of key_dim products are off by some sqrt(key_dim)
      // units, and what earlier tokens left of theirs, at most all of it, adds up as sqrt(tokens).
      const double length = 1 + std::sqrt(static_cast<double>(s.tokens)), f32 = unit_roundoff(DType::f32);
      const double value = unit_roundoff(type) + (4 + std::sqrt(static_cast<double>(s.key_dim))) * length * f32;
      // The gradients are such sums of such sums, over keys and values; that of y is rounded to the type before, that of a decay divided by it, 50 times.
      const double gradient = 2 * unit_roundoff(type) + 50 * (4 + std::sqrt(static_cast<double>(s.key_dim + s.value_dim))) * length * f32;
      check_op(
          fmt::format("delta_rule {} batch {} tokens {} heads {} of {} keys {} values {}", name_of(type), s.batch, s.tokens, s.heads(),
                      s.key_heads, s.key_dim, s.value_dim),
          {{keys, type},
           {keys, type, true, unit},
           {values, type},
           {gates, DType::f32, true, 1, share},
           {gates, DType::f32, true, 1, share}},
          [&](const auto& in) { return reference(in, s, scale); },
          [&](Graph& g, const auto& in) {
            return delta_rule(g, in[0], in[1], in[2], {in[3], in[4]}, s.key_dim, static_cast<float>(scale));
          },
          {value, gradient, unit, 1.0});
    }
}

TEST_CASE("delta_gates have the gradients of their parameters") {
  for (const DType type : float_types)
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{2, 7, 5}})
      for (const bool decay : {true, false}) {
        const auto reference = [&](const auto& in) {
          auto y = in[0];
          for (std::size_t i = 0; i < y.data.size(); ++i) {
            const std::size_t h = i % shape[2];
            y.data[i] = decay ? exp(exp(in[2].data[h]) * log(exp(in[0].data[i] + in[3].data[h]) + 1.0) * -1.0)
                              : 1.0 / (exp(in[1].data[i] * -1.0) + 1.0);
          }
          return y;
        };
        // GLSL's exp is off by 3 + 2 |x| units, here of some 10 in all, and a few of them follow one another; sums are over as many as there are tokens.
        const double tolerance = 60 * unit_roundoff(DType::f32);
        check_op(fmt::format("delta_gates {} {} {}", decay ? "decay" : "beta", name_of(type), to_string(shape)),
                 {{shape, type, decay}, {shape, type, !decay}, {{shape[2]}, DType::f32, decay}, {{shape[2]}, DType::f32, decay}}, reference,
                 [&](Graph& g, const auto& in) {
                   const DeltaGates gates = delta_gates(g, in[0], in[1], in[2], in[3]);
                   return decay ? gates.decay : gates.beta;
                 },
                 {tolerance, 2 * unit_roundoff(type) + 2 * tolerance, 1.0, 1.0});
      }
}

TEST_CASE("delta_gates, also where exp would overflow") {
  for (const DType type : float_types) {
    if (!can_store("delta_gates", type)) continue;
    for (const Shape& shape : {Shape{1, 1, 1}, Shape{2, 7, 5}}) {
      const std::vector<OpInput> inputs = {
          {shape, type, false, 1, [](std::size_t i) { return i == 0 ? 100.0 : static_cast<double>(i) * 0.7 - 20; }},
          {shape, type, false, 4},
          {{shape[2]}, DType::f32, false, 1, [](std::size_t i) { return i == 2 ? -30.0 : 2.77 - static_cast<double>(i); }},
          {{shape[2]}, DType::f32}};
      const auto data = random_inputs(inputs);
      const auto found = run_op(inputs, data, [](Graph& g, const auto& in) {
        const DeltaGates gates = delta_gates(g, in[0], in[1], in[2], in[3]);
        return std::vector<Tensor>{gates.decay, gates.beta};
      });
      for (std::size_t i = 0; i < data[0].data.size(); ++i) {
        const double sum = data[0].data[i] + data[3].data[i % shape[2]];
        const double power = std::exp(data[2].data[i % shape[2]]) * (sum > 30 ? sum : std::log1p(std::exp(sum)));
        // A decay next to 1 is within two units. Else its exponent's error tells: GLSL's exp, twice, is off by 3 + 2 |x| units, and the sum of a and bias is rounded.
        const double units = 2 + (40 + 4 * std::abs(sum)) * power;
        CHECK(std::abs(found[0][i] - std::exp(-power)) <= units * std::exp(-power) * unit_roundoff(DType::f32) + 1e-37);
        CHECK(std::abs(found[1][i] - 1 / (1 + std::exp(-data[1].data[i]))) <= 32 * unit_roundoff(DType::f32));
      }
    }
  }
}

TEST_CASE("delta_rule refuses what does not fit") {
  const Caps caps;
  Graph graph(caps);
  const auto input = [&](Shape shape) { return graph.input("x", std::move(shape), DType::f32); };
  const DeltaGates gates{input({2, 3, 4}), input({2, 3, 4})};
  CHECK_THROWS_AS(delta_rule(graph, input({2, 3, 8}), input({2, 3, 6}), input({2, 3, 8}), gates, 4, 1), InputError);
  CHECK_THROWS_AS(delta_rule(graph, input({2, 3, 9}), input({2, 3, 9}), input({2, 3, 8}), gates, 3, 1),
                  InputError);  // three heads for four
  CHECK_THROWS_AS(delta_rule(graph, input({2, 3, 8}), input({2, 3, 8}), input({2, 3, 9}), gates, 4, 1), InputError);
  CHECK_THROWS_AS(delta_rule(graph, input({2, 3, 514}), input({2, 3, 514}), input({2, 3, 8}), gates, 257, 1), InputError);
  CHECK_THROWS_AS(delta_gates(graph, gates.decay, gates.beta, input({3}), input({4})), InputError);
}
