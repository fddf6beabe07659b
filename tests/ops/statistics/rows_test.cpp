#include "ops/statistics/cosine.h"
#include "ops/statistics/first_token_norm_ratio.h"
#include "ops/statistics/mean_rows.h"
#include "ops/statistics/row_norms.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

// A sum of n terms in f32, and its root or quotient; results are f32 whatever the inputs' type is.
double tolerance_of(double terms) { return (8 + 2 * std::sqrt(terms)) * unit_roundoff(DType::f32); }

double dot(const Array<double>& a, std::size_t row_a, const Array<double>& b, std::size_t row_b) {
  const std::size_t dim = a.shape.back();
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) sum += a.data[row_a * dim + i] * b.data[row_b * dim + i];
  return sum;
}

double cosine(const Array<double>& a, std::size_t row_a, const Array<double>& b, std::size_t row_b) {
  const double norms = std::sqrt(dot(a, row_a, a, row_a) * dot(b, row_b, b, row_b));
  return norms == 0 ? 0 : dot(a, row_a, b, row_b) / norms;
}

std::vector<float> floats(const std::vector<double>& x) { return {x.begin(), x.end()}; }

}  // namespace

TEST_CASE("row_norms, mean_rows") {
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {3, 7}, {2, 3, 64}, {300, 33}, {2, 4096}}) {
      const std::string name = std::string(name_of(type)) + " " + to_string(shape);
      if (!can_store("statistics of rows", type)) continue;
      const std::vector<OpInput> inputs = {{shape, type, false}};
      const auto data = random_inputs(inputs);
      const auto results = run_op(inputs, data, [](Graph& g, const auto& in) -> std::vector<Tensor> {
        return {row_norms(g, in[0]), mean_rows(g, in[0])};
      });
      const std::size_t dim = shape.back(), rows = data[0].data.size() / dim;
      std::vector<double> norms(rows), mean(dim);
      for (std::size_t row = 0; row < rows; ++row) norms[row] = std::sqrt(dot(data[0], row, data[0], row));
      for (std::size_t i = 0; i < rows * dim; ++i) mean[i % dim] += data[0].data[i] / static_cast<double>(rows);
      compare("row_norms " + name, norms, floats(results[0]), tolerance_of(static_cast<double>(dim)));
      compare("mean_rows " + name, mean, floats(results[1]), tolerance_of(static_cast<double>(rows)), 1.0);
    }
  }
}

TEST_CASE("cosine_rows: all rows, chosen rows, a zero row, an index outside") {
  for (const DType type : float_types) {
    for (const std::uint32_t dim : {1u, 6u, 64u, 1001u}) {
      if (!can_store("cosine_rows", type)) continue;
      const auto zero_row = [dim](std::size_t i) { return i / dim == 2 ? 0.0 : std::cos(static_cast<double>(i * i)); };
      const std::vector<OpInput> inputs = {{{2, 2, dim}, type, false, 1.0, zero_row},
                                           {{4, dim}, type, false},
                                           {{3}, DType::i32, false, 1.0, [](std::size_t i) { return 3.0 - static_cast<double>(i); }},
                                           {{3}, DType::i32, false, 1.0, [](std::size_t i) { return i == 2 ? 4.0 : 1.0; }}};
      const auto data = random_inputs(inputs);
      const auto results = run_op(inputs, data, [](Graph& g, const auto& in) -> std::vector<Tensor> {
        const CosineRows all = cosine_rows(g, in[0], in[1]), some = cosine_rows(g, in[0], in[1], in[2], in[3]);
        return {all.cosine, all.norm_a, all.norm_b, some.cosine};
      });
      std::vector<double> cosines, norm_a, norm_b;
      for (std::size_t row = 0; row < 4; ++row) {
        cosines.push_back(cosine(data[0], row, data[1], row));
        norm_a.push_back(std::sqrt(dot(data[0], row, data[0], row)));
        norm_b.push_back(std::sqrt(dot(data[1], row, data[1], row)));
      }
      compare("cosine", cosines, floats(results[0]), tolerance_of(dim), 1.0);
      compare("norm a", norm_a, floats(results[1]), tolerance_of(dim));
      compare("norm b", norm_b, floats(results[2]), tolerance_of(dim));
      compare("chosen", {cosine(data[0], 3, data[1], 1), cosine(data[0], 2, data[1], 1)}, floats({results[3][0], results[3][1]}),
              tolerance_of(dim), 1.0);
      CHECK(std::isnan(results[3][2]));
    }
  }
}

TEST_CASE("pairwise_cosine") {
  const std::vector<OpInput> inputs = {{{7, 50}, DType::f32, false},
                                       {{3}, DType::i32, false, 1.0, [](std::size_t i) { return 2.0 * static_cast<double>(i) + 1; }}};
  const auto data = random_inputs(inputs);
  const auto results = run_op(inputs, data, [](Graph& g, const auto& in) -> std::vector<Tensor> {
    return {pairwise_cosine(g, in[0]), pairwise_cosine(g, in[0], in[1])};
  });
  std::vector<double> all, some;
  for (std::size_t i = 0; i < 49; ++i) all.push_back(cosine(data[0], i / 7, data[0], i % 7));
  for (std::size_t i = 0; i < 9; ++i) some.push_back(cosine(data[0], 2 * (i / 3) + 1, data[0], 2 * (i % 3) + 1));
  compare("all", all, floats(results[0]), tolerance_of(50), 1.0);
  compare("some", some, floats(results[1]), tolerance_of(50), 1.0);
}

TEST_CASE("first_token_norm_ratio") {
  for (const Shape& shape : {Shape{1, 2}, {3, 5}, {2, 700}}) {
    const std::vector<OpInput> inputs = {
        {shape, DType::f32, false, 1.0, [](std::size_t i) { return 1 + static_cast<double>(i * 7 % 11); }}};
    const auto data = random_inputs(inputs);
    const auto results =
        run_op(inputs, data, [](Graph& g, const auto& in) -> std::vector<Tensor> { return {first_token_norm_ratio(g, in[0])}; });
    std::vector<double> expected;
    for (std::size_t b = 0; b < shape[0]; ++b) {
      double others = 0;
      for (std::size_t t = 1; t < shape[1]; ++t) others += data[0].data[b * shape[1] + t];
      expected.push_back(data[0].data[b * shape[1]] / (others / (shape[1] - 1)));
    }
    compare("first_token_norm_ratio", expected, floats(results[0]), tolerance_of(shape[1]));
  }
}
