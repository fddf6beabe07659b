#include "ops/rope.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

std::vector<double> frequencies_of(std::uint32_t head_dim) {
  std::vector<double> all;
  for (std::uint32_t i = 0; i < head_dim / 2; ++i) all.push_back(std::pow(10000.0, -2.0 * i / head_dim));
  return all;
}

template <class A>
A reference(const A& x, std::uint32_t head_dim, std::uint32_t rotated) {
  A y = x;
  const std::size_t tokens = x.shape[1], width = x.shape[2], half = rotated / 2;
  const std::vector<double> frequency = frequencies_of(rotated);
  for (std::size_t row = 0; row < x.data.size() / width; ++row) {
    for (std::size_t pair = 0; pair < width / head_dim * half; ++pair) {
      const std::size_t i = pair % half, at = row * width + pair / half * head_dim + i;
      const double angle = static_cast<double>(row % tokens) * frequency[i], c = std::cos(angle), s = std::sin(angle);
      y.data[at] = x.data[at] * c - x.data[at + half] * s;
      y.data[at + half] = x.data[at + half] * c + x.data[at] * s;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("rope") {
  struct Size {
    std::uint32_t batch, tokens, heads, head_dim, rotated;
  };
  for (const DType type : float_types) {
    for (const Size& s : {Size{1, 1, 1, 2, 2},
                          {2, 3, 1, 6, 6},
                          {3, 17, 2, 8, 8},
                          {1, 70, 3, 20, 20},
                          {2, 33, 2, 64, 64},
                          {2, 33, 3, 64, 16},
                          {1, 9, 2, 20, 8},
                          {2, 9, 3, 9, 6},
                          {1, 9, 2, 12, 2}}) {
      const Shape shape{s.batch, s.tokens, s.heads * s.head_dim};
      // One rounding of the result to its type; cosine and sine rounded to f32, two products and a sum in f32.
      const double tolerance = unit_roundoff(type) + 4 * unit_roundoff(DType::f32);
      check_op(
          "rope " + std::string(name_of(type)) + " " + to_string(shape) + " of which " + std::to_string(s.rotated), {{shape, type}},
          [&](const auto& in) { return reference(in[0], s.head_dim, s.rotated); },
          [&](Graph& g, const auto& in) {
            const Tensor table = g.constant("rope", {s.tokens + 2, s.rotated}, rope_table(s.tokens + 2, frequencies_of(s.rotated)));
            return rope(g, in[0], s.head_dim, table);
          },
          {tolerance, 2 * tolerance});
    }
  }
}
