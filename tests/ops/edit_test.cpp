#include "ops/edit.h"

#include "support/op_test.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

bool listed(const std::vector<std::uint32_t>& list, std::size_t i) {
  return list.empty() || std::find(list.begin(), list.end(), i) != list.end();
}

template <class S>
S edited(EditKind kind, const S& x, double v) {
  switch (kind) {
    case EditKind::scale: return x * v;
    case EditKind::set: return S(v);
    case EditKind::add: return x + v;
    case EditKind::clamp: return S(std::clamp(value_of(x), -std::abs(v), std::abs(v)));
    default: return S(0);
  }
}

}  // namespace

TEST_CASE("edits touch what they name and nothing else") {
  const Shape shape{2, 5, 6};
  const std::vector<std::vector<std::uint32_t>> lists = {{}, {0}, {3, 1}};
  for (const DType type : float_types) {
    for (const EditKind kind : {EditKind::zero, EditKind::scale, EditKind::set, EditKind::add, EditKind::clamp}) {
      for (const auto& channels : lists) {
        for (const auto& tokens : lists) {
          const Edit e{.kind = kind, .channels = channels, .tokens = tokens, .value = {0.5f}};
          const auto reference = [&e](const auto& in) {
            auto y = in[0];
            for (std::size_t i = 0; i < y.data.size(); ++i)
              if (listed(e.channels, i % 6) && listed(e.tokens, i / 6 % 5)) y.data[i] = edited(e.kind, y.data[i], 0.5);
            return y;
          };
          check_op("edit " + std::to_string(static_cast<int>(kind)) + " " + std::string(name_of(type)), {{shape, type, false}}, reference,
                   [&e](Graph& g, const auto& in) { return edit(g, in[0], e); }, {unit_roundoff(type), 0});
        }
      }
    }
  }
}

TEST_CASE("edits with a value per channel, from the host or the device, and a mask of tokens") {
  const Shape shape{2, 5, 6};
  const auto reference = [](const auto& in) {
    auto y = in[0];
    y(0, 2, 4) = 10.0, y(0, 2, 1) = -20.0, y(1, 2, 4) = 10.0, y(1, 2, 1) = -20.0;
    return y;
  };
  check_op("edit with listed values", {{shape, DType::f32, false}}, reference,
           [](Graph& g, const auto& in) {
             return edit(g, in[0], {.kind = EditKind::set, .channels = {4, 1}, .tokens = {2}, .value = {10, -20}});
           },
           {0, 0});
  const auto from_tensors = [](const auto& in) {
    auto y = in[0];
    for (std::size_t i = 0; i < y.data.size(); ++i)
      if (i % 6 != 3 && value_of(in[2].data[i / 6]) != 0) y.data[i] = in[1].data[i % 6];
    return y;
  };
  check_op("edit with values and a mask on the device",
           {{shape, DType::f32, false},
            {{6}, DType::f32, false},
            {{2, 5}, DType::f32, false, 1, [](std::size_t i) { return i % 3 == 0 ? 1.0 : 0.0; }}},
           from_tensors,
           [](Graph& g, const auto& in) {
             return edit(g, in[0], {.kind = EditKind::set, .channels = {0, 1, 2, 4, 5}, .values = in[1], .token_mask = in[2]});
           },
           {0, 0});
}

TEST_CASE("heads are consecutive channels") { CHECK(channels_of_heads({2, 0}, 3) == std::vector<std::uint32_t>{6, 7, 8, 0, 1, 2}); }

TEST_CASE("edits outside the tensor are refused") {
  const Caps caps;
  Graph graph(caps);
  const Tensor x = graph.input("x", {2, 5, 6}, DType::f32);
  CHECK_THROWS_WITH_AS(edit(graph, x, {.channels = {6}}), "edit: channel 6 of 6", InputError);
  CHECK_THROWS_WITH_AS(edit(graph, x, {.tokens = {5}}), "edit: token 5 of 5", InputError);
  CHECK_THROWS_AS(edit(graph, x, {.kind = EditKind::set, .channels = {1, 2}, .value = {1, 2, 3}}), InputError);
}

TEST_CASE("project_out removes directions at the chosen tokens") {
  for (const DType type : float_types) {
    for (const std::uint32_t dim : {3u, 40u, 1200u}) {
      for (const std::vector<std::uint32_t>& tokens : {std::vector<std::uint32_t>{}, {0, 3}}) {
        const std::uint32_t count = 2;
        // Two orthonormal directions: alternate signs and constant on the first half and the second.
        const auto direction = [dim](std::size_t i) {
          const std::size_t half = dim / 2, k = i / dim, c = i % dim;
          return (c < half) == (k == 0) ? 1 / std::sqrt(static_cast<double>(k == 0 ? half : dim - half)) : 0.0;
        };
        const auto reference = [=](const auto& in) {
          auto y = in[0];
          for (std::size_t row = 0; row < 10; ++row) {
            if (!listed(tokens, row % 5)) continue;
            for (std::size_t k = 0; k < count; ++k) {
              double along = 0;
              for (std::size_t i = 0; i < dim; ++i) along += value_of(in[0].data[row * dim + i]) * value_of(in[1](k, i));
              for (std::size_t i = 0; i < dim; ++i) y.data[row * dim + i] -= along * in[1](k, i);
            }
          }
          return y;
        };
        const double tolerance = unit_roundoff(type) + 4 * std::sqrt(static_cast<double>(dim)) * unit_roundoff(DType::f32);
        check_op("project_out " + std::string(name_of(type)), {{{2, 5, dim}, type, false}, {{count, dim}, DType::f32, false, 1, direction}},
                 reference, [&](Graph& g, const auto& in) { return project_out(g, in[0], in[1], tokens); }, {tolerance, 0, 1.0});
      }
    }
  }
}
