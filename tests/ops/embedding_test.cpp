#include "ops/embedding.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

TEST_CASE("embedding: rows of the table, and their gradient") {
  struct Size {
    std::uint32_t batch, time, vocabulary, dim;
    bool wild;  ///< with ids outside the vocabulary
  };
  for (const DType type : float_types) {
    for (const Size& s : {Size{1, 1, 1, 1, false},
                          {2, 5, 7, 6, true},
                          {3, 40, 300, 20, false},
                          {4, 33, 5, 8, true},
                          {2, 1500, 3, 36, false},
                          {1, 20, 9, 1100, false}}) {
      const auto ids = [s](std::size_t i) {
        return static_cast<double>((i * i + 3 * i) % (s.vocabulary + (s.wild ? 3 : 0))) - (s.wild && i % 4 == 0 ? 2 : 0);
      };
      const auto reference = [s](const auto& in) {
        auto y = in[1];
        y.shape = {s.batch, s.time, s.dim};
        y.data.clear();
        for (const auto& id : in[0].data) {
          const auto row = static_cast<std::size_t>(std::clamp(value_of(id), 0.0, static_cast<double>(s.vocabulary - 1)));
          for (std::size_t i = 0; i < s.dim; ++i) y.data.push_back(in[1](row, i));
        }
        return y;
      };
      // Values are copies. Gradients are f32 sums over the tokens of one id.
      const double gradient = 4 * std::sqrt(static_cast<double>(s.batch) * s.time) * unit_roundoff(DType::f32);
      check_op("embedding " + std::string(name_of(type)) + " " + to_string({s.batch, s.time, s.vocabulary, s.dim}),
               {{{s.batch, s.time}, DType::i32, false, 1, ids}, {{s.vocabulary, s.dim}, type}}, reference,
               [type](Graph& g, const auto& in) { return embedding(g, in[0], in[1], type); }, {0, gradient, 1.0});
    }
  }
}

TEST_CASE("embedding by a table that lies in parts of its rows") {
  for (const DType type : float_types) {
    for (const std::uint32_t time : {7u, 900u}) {  // the second splits its tokens into chunks
      const auto ids = [](std::size_t i) { return static_cast<double>((i * i + 3 * i) % 15) - 2; };  // some outside
      const auto reference = [time](const auto& in) {
        auto y = in[1];
        y.shape = {2, time, 6};
        y.data.clear();
        auto table = in[1];
        table.shape = {11, 6};
        for (const std::size_t part : {2, 3}) table.data.insert(table.data.end(), in[part].data.begin(), in[part].data.end());
        for (const auto& id : in[0].data)
          for (std::size_t i = 0; i < 6; ++i) y.data.push_back(table(static_cast<std::size_t>(std::clamp(value_of(id), 0.0, 10.0)), i));
        return y;
      };
      check_op("embedding in parts " + std::string(name_of(type)) + " of " + std::to_string(time),
               {{{2, time}, DType::i32, false, 1, ids}, {{4, 6}, type}, {{1, 6}, type}, {{6, 6}, type}}, reference,
               [type](Graph& g, const auto& in) {
                 return embedding(g, in[0], Matrix({in[1], in[2], in[3]}), type);
               },
               {0, 4 * std::sqrt(2.0 * time) * unit_roundoff(DType::f32), 1.0});
    }
  }
}

TEST_CASE("embedding rounds to another type") {
  const auto reference = [](const auto& in) { return in[1]; };
  const auto in_order = [](std::size_t i) { return static_cast<double>(i); };
  for (const DType type : {DType::f16, DType::bf16})
    check_op("embedding of f32 as " + std::string(name_of(type)),
             {{{12}, DType::i32, false, 1, in_order}, {{12, 10}, DType::f32, false}, {{1}, type, false}}, reference,
             [type](Graph& g, const auto& in) { return embedding(g, in[0], in[1], type); }, {unit_roundoff(type), 0});
}

TEST_CASE("add_positions") {
  const auto reference = [](const auto& in) {
    auto y = in[0];
    const std::size_t period = y.shape[1] * y.shape[2];
    for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += in[1].data[i % period];
    return y;
  };
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1, 1}, {3, 5, 7}, {300, 2, 12}, {2, 9, 64}}) {
      for (const std::uint32_t longer : {0u, 3u}) {
        // One rounding out; the table's gradient is an f32 sum over the batch.
        const double value = unit_roundoff(type) + 2 * unit_roundoff(DType::f32),
                     gradient = 4 * std::sqrt(static_cast<double>(shape[0])) * unit_roundoff(DType::f32);
        check_op("add_positions " + std::string(name_of(type)) + " " + to_string(shape),
                 {{shape, type}, {{shape[1] + longer, shape[2]}, type}}, reference,
                 [](Graph& g, const auto& in) { return add_positions(g, in[0], in[1]); }, {value, gradient, 1.0});
      }
    }
  }
}
