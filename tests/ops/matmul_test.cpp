#include "ops/matmul.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

// One rounding of the result, and a sum of k products in f32.
OpTolerance tolerance_of(DType type, double terms) {
  const double tolerance = 2 * unit_roundoff(type) + 4 * std::sqrt(terms) * unit_roundoff(DType::f32);
  return {tolerance, 2 * tolerance};
}

template <class A>
A product(const A& a, const A& b, Layout layout) {
  const std::uint32_t rank = static_cast<std::uint32_t>(a.shape.size());
  const std::uint32_t batch = rank == 3 ? a.shape[0] : 1;
  const std::uint32_t m = a.shape[layout == Layout::tn ? rank - 1 : rank - 2], k = a.shape[layout == Layout::tn ? rank - 2 : rank - 1];
  const std::uint32_t n = b.shape[layout == Layout::nt ? rank - 2 : rank - 1];
  A c(rank == 3 ? Shape{batch, m, n} : Shape{m, n});
  for (std::size_t s = 0; s < batch; ++s)
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t l = 0; l < k; ++l)
          c.data[(s * m + i) * n + j] += a.data[s * m * k + (layout == Layout::tn ? l * m + i : i * k + l)] *
                                         b.data[s * n * k + (layout == Layout::nt ? j * k + l : l * n + j)];
  return c;
}

}  // namespace

TEST_CASE("matmul in every layout") {
  struct Size {
    std::uint32_t batch, m, n, k;
  };
  for (const DType type : float_types) {
    for (const Layout layout : {Layout::nn, Layout::nt, Layout::tn}) {
      for (const Size& s : {Size{0, 1, 1, 1}, {0, 3, 5, 7}, {2, 17, 9, 33}, {0, 65, 130, 40}, {3, 64, 64, 64}}) {
        Shape a = layout == Layout::tn ? Shape{s.k, s.m} : Shape{s.m, s.k}, b = layout == Layout::nt ? Shape{s.n, s.k} : Shape{s.k, s.n};
        if (s.batch) a.insert(a.begin(), s.batch), b.insert(b.begin(), s.batch);
        const std::string name = "matmul " + std::string(name_of(type)) + " layout " + std::to_string(static_cast<int>(layout)) + " " +
                                 to_string(a) + " " + to_string(b);
        check_op(
            name, {{a, type, false}, {b, type, false}}, [layout](const auto& in) { return product(in[0], in[1], layout); },
            [layout](Graph& g, const auto& in) { return matmul(g, in[0], in[1], layout, {in[0].dtype}); }, tolerance_of(type, s.k));
      }
    }
  }
}

TEST_CASE("linear, with and without a residual") {
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{3, 7, 5}, {2, 20, 36}}) {
      const std::uint32_t out = 11;
      const auto reference = [](const auto& in) {
        auto flat = in[0];
        const auto& shape = in[0].shape;
        flat.shape = {shape[0] * shape[1], shape[2]};
        auto y = product(flat, in[1], Layout::nt);
        for (std::size_t i = 0; in.size() > 2 && i < y.data.size(); ++i) y.data[i] += in[2].data[i];
        return y;
      };
      const double terms = shape[0] * shape[1] + shape[2] + out;
      check_op(
          "linear " + std::string(name_of(type)), {{shape, type}, {{out, shape[2]}, type}}, reference,
          [](Graph& g, const auto& in) { return linear(g, in[0], in[1]); }, tolerance_of(type, terms));
      check_op(
          "linear with residual " + std::string(name_of(type)), {{shape, type}, {{out, shape[2]}, type}, {{shape[0], shape[1], out}, type}},
          reference, [](Graph& g, const auto& in) { return linear(g, in[0], in[1], in[2]); }, tolerance_of(type, terms));
    }
  }
}

// Each part's product is rounded, the residual added to what was rounded; the gradients of x that come by different parts are rounded as they
// are added: two roundings where a whole matrix has one, and one more for every further part.
TEST_CASE("linear with a matrix that lies in parts of its rows") {
  for (const DType type : float_types) {
    const Shape x{2, 9, 20};
    const auto reference = [](const auto& in) {
      auto flat = in[0], whole = in[1];
      flat.shape = {18, 20}, whole.shape = {12, 20};
      for (const std::size_t part : {2, 3}) whole.data.insert(whole.data.end(), in[part].data.begin(), in[part].data.end());
      auto y = product(flat, whole, Layout::nt);
      for (std::size_t i = 0; in.size() > 4 && i < y.data.size(); ++i) y.data[i] += in[4].data[i];
      return y;
    };
    const std::vector<OpInput> parts = {{x, type}, {{5, 20}, type}, {{1, 20}, type}, {{6, 20}, type}};
    std::vector<OpInput> with_residual = parts;
    with_residual.push_back({{2, 9, 12}, type});
    OpTolerance tolerance = tolerance_of(type, 18 + 20 + 12);
    tolerance.value *= 2, tolerance.gradient *= 3;
    check_op(
        "linear in parts " + std::string(name_of(type)), parts, reference,
        [](Graph& g, const auto& in) {
          return linear(g, in[0], Matrix({in[1], in[2], in[3]}));
        },
        tolerance);
    check_op(
        "linear in parts with residual " + std::string(name_of(type)), with_residual, reference,
        [](Graph& g, const auto& in) {
          return linear(g, in[0], Matrix({in[1], in[2], in[3]}), in[4]);
        },
        tolerance);
  }
}

TEST_CASE("matmul adds chunk after chunk into one tensor") {
  for (const DType type : float_types) {
    const std::uint32_t m = 9, n = 13, k = 10;
    const std::string name = "matmul into " + std::string(name_of(type));
    check_op(
        name, {{{k, m}, type, false}, {{k, n}, type, false}}, [](const auto& in) { return product(in[0], in[1], Layout::tn); },
        [=](Graph& g, const auto& in) {
          const Tensor sum = g.tensor({m, n}, DType::f32);
          matmul(g, g.slice(in[0], 0, 4), g.slice(in[1], 0, 4), Layout::tn, {DType::f32, {}, sum});
          return matmul(g, g.slice(in[0], 4, 6), g.slice(in[1], 4, 6), Layout::tn, {DType::f32, sum, sum});
        },
        tolerance_of(DType::f32, k));
  }
}
