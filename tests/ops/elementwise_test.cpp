#include "ops/bias.h"
#include "ops/convert.h"
#include "ops/copy.h"
#include "ops/multiply.h"
#include "ops/scale.h"
#include "ops/sum_rows.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("scale") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    for (auto& x : y.data) x = x * -0.625;
    return y;
  };
  for (const DType type : float_types)
    for (const Shape& shape : {Shape{1}, {3, 7}, {40, 50}})
      check_op("scale " + std::string(name_of(type)), {{shape, type}}, reference,
               [](Graph& g, const auto& in) { return scale(g, in[0], -0.625f); }, {unit_roundoff(type), unit_roundoff(type)});
}

TEST_CASE("multiply") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = y.data[i] * in[1].data[i];
    return y;
  };
  // One rounding of the product, and one of each gradient.
  for (const DType type : float_types)
    for (const Shape& shape : {Shape{1}, {3, 7}, {40, 50}})
      check_op("multiply " + std::string(name_of(type)), {{shape, type}, {shape, type}}, reference,
               [](Graph& g, const auto& in) { return multiply(g, in[0], in[1]); }, {unit_roundoff(type), unit_roundoff(type)});
}

TEST_CASE("convert between every two types") {
  const auto reference = [](const auto& in) { return in[0]; };
  for (const DType from : float_types) {
    for (const DType to : float_types) {
      // One rounding each way, halfway cases to even; values of f16 and bf16 that are below each other's smallest are not met at this
      // scale.
      const double tolerance = unit_roundoff(to) + unit_roundoff(from);
      check_op("convert " + std::string(name_of(from)) + " to " + std::string(name_of(to)), {{{9, 31}, from}, {{1}, to, false}}, reference,
               [to](Graph& g, const auto& in) { return convert(g, in[0], to); }, {tolerance, tolerance});
    }
  }
}

TEST_CASE("convert rounds halfway cases to even") {
  const auto halfway = [](std::size_t i) { return 1 + static_cast<double>(2 * i + 1) * (i < 4 ? 0x1p-11 : 0x1p-8); };
  for (const DType to : {DType::f16, DType::bf16}) {
    const auto reference = [to](const auto& in) {
      auto y = in[0];
      for (auto& x : y.data) x = static_cast<double>(round_to(to, static_cast<float>(value_of(x))));
      return y;
    };
    check_op("convert ties to " + std::string(name_of(to)), {{{8}, DType::f32, false, 1, halfway}, {{1}, to, false}}, reference,
             [to](Graph& g, const auto& in) { return convert(g, in[0], to); }, {0, 0});
  }
}

TEST_CASE("add_bias") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += in[1].data[i % in[1].data.size()];
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {2, 5, 64}, {700, 33}}) {
      const double gradient = 4 * std::sqrt(static_cast<double>(size_of(shape))) * unit_roundoff(DType::f32);  // an f32 sum over the rows
      check_op("add_bias " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type}, {{shape.back()}}}, reference,
               [](Graph& g, const auto& in) { return add_bias(g, in[0], in[1]); },
               {unit_roundoff(type) + unit_roundoff(DType::f32), gradient, 1.0});
    }
  }
}

TEST_CASE("copy_columns") {
  struct Columns {
    std::uint32_t first, count;
  };
  for (const DType type : float_types) {
    for (const Columns& c : {Columns{0, 7}, {0, 1}, {6, 1}, {2, 3}}) {
      const auto reference = [c](const auto& in) {
        auto y = in[0];
        y.shape.back() = c.count;
        y.data.clear();
        for (std::size_t row = 0; row < 10; ++row)
          for (std::size_t i = 0; i < c.count; ++i) y.data.push_back(in[0].data[row * 7 + c.first + i]);
        return y;
      };
      check_op("copy_columns " + std::string(name_of(type)), {{{2, 5, 7}, type}}, reference,
               [c](Graph& g, const auto& in) { return copy_columns(g, in[0], c.first, c.count); }, {0, 0});
    }
  }
}

TEST_CASE("sum_rows") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const std::size_t dim = y.shape[1];
    y.shape = {static_cast<std::uint32_t>(dim)};
    y.data.assign(dim, 0.0);
    for (std::size_t i = 0; i < in[0].data.size(); ++i) y.data[i % dim] += in[0].data[i];
    return y;
  };
  for (const DType type : float_types)
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {256, 40}, {257, 40}, {3000, 3}, {70000, 1}, {2, 5000}})
      check_op("sum_rows " + std::string(name_of(type)) + " " + to_string(shape), {{shape, type, false}}, reference,
               [](Graph& g, const auto& in) { return sum_rows(g, in[0]); },
               {4 * std::sqrt(static_cast<double>(shape[0])) * unit_roundoff(DType::f32), 0});
}

TEST_CASE("elementwise ops on a slice that starts between groups of four") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    y.shape = {9, 7};
    y.data.erase(y.data.begin(), y.data.begin() + 7);
    for (auto& x : y.data) x = x * 2.0;
    return y;
  };
  for (const DType type : float_types)
    check_op("scale of a slice " + std::string(name_of(type)), {{{10, 7}, type, false}}, reference,
             [](Graph& g, const auto& in) { return scale(g, g.slice(in[0], 1, 9), 2.0f); }, {0, 0});
}
