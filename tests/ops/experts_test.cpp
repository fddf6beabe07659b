#include "ops/experts.h"

#include "support/op_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace ablate;
using namespace ablate::test;

namespace {

struct Size {
  std::uint32_t tokens, experts, chosen, in, out;
};
// One of everything; odd sizes; more experts than tokens, so that some have none; several tiles of an expert's slots; rows longer than a step.
const std::vector<Size> sizes = {{1, 1, 1, 1, 1}, {3, 2, 1, 5, 3}, {7, 5, 3, 9, 6}, {2, 9, 2, 4, 4}, {53, 3, 2, 70, 20}};

/// Logits of a token in steps of at least 0.3, in an order of its own: no rounding, and no finite difference, changes the choice.
double logit(std::size_t at, std::uint32_t experts) {
  const std::size_t token = at / experts, expert = at % experts;
  return 0.3 * static_cast<double>((expert * 7 + token * 3) % 11) + 0.001 * static_cast<double>(expert) - 1;
}

std::vector<std::uint32_t> picked(std::size_t token, const Size& s) {
  std::vector<std::uint32_t> order(s.experts);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return logit(token * s.experts + a, s.experts) > logit(token * s.experts + b, s.experts);
  });
  order.resize(s.chosen);
  return order;
}

/// weights (tokens, chosen) of logits.
template <class S>
std::vector<S> weights_of(const Array<S>& logits, const Size& s, bool normed) {
  std::vector<S> weights;
  for (std::uint32_t t = 0; t < s.tokens; ++t) {
    S sum = S(0);
    const auto own = picked(t, s);
    for (std::uint32_t e = 0; e < s.experts; ++e)
      if (!normed || std::find(own.begin(), own.end(), e) != own.end()) sum = sum + exp(logits.data[t * s.experts + e]);
    for (const std::uint32_t e : own) weights.push_back(exp(logits.data[t * s.experts + e]) / sum);
  }
  return weights;
}

std::string name_of_size(const char* op, DType type, const Size& s) {
  return fmt::format("{} {} tokens {} experts {} chosen {} in {} out {}", op, name_of(type), s.tokens, s.experts, s.chosen, s.in, s.out);
}

}  // namespace

TEST_CASE("experts: a mixture of linear maps, by tokens and then by slots") {
  for (const DType type : float_types)
    for (const Size& s : sizes)
      for (const bool normed : {false, true}) {
        const std::vector<OpInput> inputs = {{{s.tokens, s.in}, type},
                                             {{s.tokens, s.experts}, DType::f32, true, 1, [s](std::size_t i) { return logit(i, s.experts); }},
                                             {{s.experts * s.out, s.in}, type},
                                             {{s.experts * s.out}, DType::f32},
                                             {{s.experts * s.in, s.out}, type},
                                             {{s.tokens, s.in}, type}};
        const auto reference = [=](const auto& in) {
          const auto weights = weights_of(in[1], s, normed);
          auto y = in[5];
          for (std::uint32_t t = 0; t < s.tokens; ++t)
            for (std::uint32_t j = 0; j < s.chosen; ++j) {
              const std::uint32_t e = picked(t, s)[j];
              std::vector<std::decay_t<decltype(y.data[0])>> middle;
              for (std::uint32_t n = 0; n < s.out; ++n) {
                auto sum = in[3].data[e * s.out + n];
                for (std::uint32_t k = 0; k < s.in; ++k) sum = sum + in[2].data[(e * s.out + n) * s.in + k] * in[0].data[t * s.in + k];
                middle.push_back(sum);
              }
              for (std::uint32_t k = 0; k < s.in; ++k)
                for (std::uint32_t n = 0; n < s.out; ++n)
                  y.data[t * s.in + k] =
                      y.data[t * s.in + k] + weights[t * s.chosen + j] * in[4].data[(e * s.in + k) * s.out + n] * middle[n];
            }
          return y;
        };
        const auto build = [=](Graph& g, const std::vector<Tensor>& in) {
          const Routing routing = route(g, in[1], s.chosen, normed);
          const Tensor middle = expert_linear(g, in[0], in[2], routing, in[3]);
          return combine_experts(g, expert_linear(g, middle, in[4], routing), routing, in[5]);
        };
        // Two products, a sum and the softmax; between them values are rounded to the type. Terms of random sign, of size sqrt(in * out), cancel.
        const double terms = std::sqrt(static_cast<double>(s.in) * s.out) + 1, depth = 8 + std::sqrt(static_cast<double>(s.in + s.out));
        const double value = 6 * unit_roundoff(type) + depth * unit_roundoff(DType::f32);
        const double gradient = value * std::sqrt(static_cast<double>(s.tokens) + 8);
        check_op(name_of_size(normed ? "experts normed" : "experts", type, s), inputs, reference, build, {value, gradient, terms, terms});
      }
}

TEST_CASE("route: picks in order, the first of equals, NaN above all; slots lie by expert in order") {
  constexpr std::uint32_t tokens = 300, experts = 7, chosen = 3;
  const auto value = [](std::size_t i) {
    if (i == 5) return std::nan("");
    return static_cast<double>(i * i % 5);
  };
  const std::vector<OpInput> inputs = {{{tokens, experts}, DType::f32, false, 1, value}};
  const auto data = random_inputs(inputs);
  const auto out = run_op(inputs, data, [&](Graph& g, const std::vector<Tensor>& in) {
    const Routing routing = route(g, in[0], chosen, true);
    return std::vector<Tensor>{routing.picked, routing.order, routing.starts};
  });
  std::vector<std::vector<double>> slots(experts);
  for (std::uint32_t t = 0; t < tokens; ++t) {
    std::vector<std::uint32_t> order(experts);
    std::iota(order.begin(), order.end(), 0u);
    const auto key = [&](std::uint32_t e) { return t == 0 && e == 5 ? 1e9 : value(t * experts + e); };
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) > key(b); });
    for (std::uint32_t j = 0; j < chosen; ++j) {
      CHECK(out[0][t * chosen + j] == order[j]);
      slots[order[j]].push_back(t * chosen + j);
    }
  }
  std::size_t place = 0;
  for (std::uint32_t e = 0; e < experts; ++e) {
    CHECK(out[2][e] == static_cast<double>(place));
    for (const double slot : slots[e]) CHECK(out[1][place++] == slot);
  }
  CHECK(out[2][experts] == tokens * chosen);
}

TEST_CASE("experts refuse what does not fit") {
  const Caps caps;
  Graph graph(caps);
  const Tensor logits = graph.input("logits", {4, 3}, DType::f32), x = graph.input("x", {4, 6}, DType::f32);
  CHECK_THROWS_AS(route(graph, logits, 4, false), InputError);
  CHECK_THROWS_AS(route(graph, logits, 0, false), InputError);
  const Routing routing = route(graph, logits, 2, false);
  CHECK_THROWS_AS(expert_linear(graph, x, graph.input("w", {15, 5}, DType::f32), routing), InputError);
  CHECK_THROWS_AS(expert_linear(graph, x, graph.input("w", {16, 6}, DType::f32), routing), InputError);
  CHECK_THROWS_AS(expert_linear(graph, graph.input("y", {5, 6}, DType::f32), graph.input("w", {15, 6}, DType::f32), routing), InputError);
  CHECK_THROWS_AS(expert_linear(graph, x, graph.input("w", {15, 6}, DType::f32), routing, graph.input("b", {14}, DType::f32)), InputError);
  CHECK_THROWS_AS(combine_experts(graph, x, routing), InputError);
  CHECK_THROWS_AS(combine_experts(graph, graph.input("z", {8, 6}, DType::f32), routing, logits), InputError);
}
