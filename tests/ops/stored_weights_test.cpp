// Ops that read weights in blocks of a storage format, against products in double of what the blocks hold.
#include "base/storage_format.h"
#include "ops/convert.h"
#include "ops/embedding.h"
#include "ops/experts.h"
#include "ops/matmul.h"
#include "ops/matmul_kernels.h"
#include "support/block_reference.h"
#include "support/device.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>

using namespace ablate;
using namespace ablate::test;

namespace {

DType type_of(const BlockReference& reference) { return ablate::type_of(*find_format(reference.file_name)); }

/// Blocks as an input of a graph, and what they hold.
struct StoredMatrix {
  std::uint32_t rows, columns;
  std::vector<std::uint8_t> bytes;
  std::vector<double> values;
  DType type;

  StoredMatrix(const BlockReference& format, std::uint32_t rows, std::uint32_t columns, unsigned seed)
      : StoredMatrix(format, rows, columns, usual_blocks(format, std::size_t{rows} * columns / format.values, seed)) {}
  StoredMatrix(const BlockReference& format, std::uint32_t rows, std::uint32_t columns, const std::vector<Block>& blocks)
      : rows(rows), columns(columns), bytes(joined(blocks)), values(values_of(format, blocks)), type(type_of(format)) {}

  double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
};

/// Runs what `build` makes of x and w, both ways.
std::vector<double> run(const StoredMatrix& w, const OpInput& input, const Array<double>& x,
                        const std::function<Tensor(Graph&, const Tensor& x, const Tensor& w)>& build) {
  Graph graph(pipelines().device().caps());
  const Tensor in = graph.input("x", input.shape, input.dtype), weights = graph.input("w", {w.rows, w.columns}, w.type);
  const Tensor y = graph.keep(build(graph, in, weights));
  const auto executor = run_both_ways(graph, [&](Executor& to) {
    to.write(weights, std::as_bytes(std::span(w.bytes)));
    if (input.dtype == DType::i32) to.write_ints(in, std::vector<std::int32_t>(x.data.begin(), x.data.end()));
    else to.write_floats(in, std::vector<float>(x.data.begin(), x.data.end()));
  });
  const std::vector<float> values = executor->read_floats(y);
  return {values.begin(), values.end()};
}

std::vector<float> as_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

/// The kernels that are tried: each one without tiles, and the smallest of every other.
std::vector<std::string> kernels_for(const MatmulProblem& problem) {
  std::vector<std::string> kernels{""}, shaders;
  const std::vector<MatmulKernel> all = all_matmul_kernels(problem, pipelines().device().caps());
  for (auto kernel = all.rbegin(); kernel != all.rend(); ++kernel) {
    if (std::find(shaders.begin(), shaders.end(), kernel->shader) != shaders.end()) continue;
    shaders.push_back(kernel->shader);
    kernels.push_back(to_string(*kernel));
  }
  return kernels;
}

}  // namespace

// The device rounds once, as the host does; only what is below the smallest normal f32 (of mxfp4's least exponents) may become 0.
TEST_CASE("blocks are decoded to their values, whatever their scales") {
  for (const BlockReference& format : block_references()) {
    const std::vector<Block> blocks = corner_blocks(format);
    const StoredMatrix w(format, static_cast<std::uint32_t>(blocks.size()), format.values, blocks);
    const std::vector<double> found = run(w, {{1}, DType::f32}, Array<double>({1}),
                                          [](Graph& g, const Tensor&, const Tensor& weights) { return convert(g, weights, DType::f32); });
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto expected = static_cast<double>(static_cast<float>(w.values[i]));
      if (!(std::abs(found[i] - expected) <= (std::abs(expected) < 0x1p-125 ? 0x1p-125 : 0.0)))
        FAIL_CHECK(format.name, " value ", i % format.values, " of block ", i / format.values, ": ", found[i], ", expected ", expected);
    }
  }
}

// One rounding of the result, one of each weight where they are decoded first, and a sum of k products in f32, of weights of size 0.05 by numbers of size 1: they add up
// to sqrt(k) of that, unless they cancel.
TEST_CASE("matmul with weights in blocks, by every kind of kernel") {
  struct Size {
    std::uint32_t m, n, blocks;
  };
  for (const BlockReference& format : block_references())
    for (const DType type : float_types)
      for (const Size& s : {Size{1, 1, 1},
                            {3, 37, format.values == 32 ? 3u : 1u},
                            {33, 70, format.values == 32 ? 9u : 2u},
                            {90, 70, format.values == 32 ? 3u : 1u}}) {
        if (type != DType::f32 && !pipelines().device().caps().storage16) continue;  // blocks need none
        if (type != DType::f32 && s.m < 33) continue;  // of the others, decoded first where there are units for matrices of 16 bits
        const std::uint32_t k = s.blocks * format.values;
        const StoredMatrix w(format, s.n, k, 7);
        const OpInput input{{s.m, k}, type};
        const Array<double> x = random_inputs({input})[0];
        std::vector<double> expected(std::size_t{s.m} * s.n);
        for (std::size_t i = 0; i < s.m; ++i)
          for (std::size_t j = 0; j < s.n; ++j)
            for (std::size_t l = 0; l < k; ++l) expected[i * s.n + j] += x.data[i * k + l] * w.at(j, l);
        const MatmulProblem problem{s.m, s.n, k, 1, type, w.type, type, Layout::nt, false, false, 8, 8, 1};
        CHECK(parse_matmul_problem(problem.question()).has_value());
        for (const std::string& kernel : kernels_for(problem)) {
          const std::vector<double> found = run(w, input, x, [&](Graph& g, const Tensor& a, const Tensor& b) {
            MatmulOptions options;
            options.out = type, options.kernel = kernel;
            return matmul(g, a, b, Layout::nt, options);
          });
          compare(fmt::format("matmul {} {} {}x{}x{} by {}", name_of(type), format.name, s.m, s.n, k, kernel), expected, as_floats(found),
                  4 * unit_roundoff(type) + 4 * std::sqrt(static_cast<double>(k)) * unit_roundoff(DType::f32),
                  0.05 * std::sqrt(static_cast<double>(k)));
        }
      }
}

TEST_CASE("a product that does not read blocks is refused by name") {
  Graph graph(pipelines().device().caps());
  const DType type = *parse_type("q4_0");
  const Tensor w = graph.input("w", {64, 64}, type), x = graph.input("x", {64, 64}, DType::f32);
  CHECK_THROWS_WITH_AS(matmul(graph, x, w, Layout::nn), doctest::Contains("q4_0"), InputError);
  CHECK_THROWS_WITH_AS(matmul(graph, w, x, Layout::nt), doctest::Contains("q4_0"), InputError);
  const Tensor narrow = graph.input("narrow", {4, 48}, type), y = graph.input("y", {4, 48}, DType::f32);
  CHECK_THROWS_WITH_AS(matmul(graph, y, narrow, Layout::nt), doctest::Contains("rows of 48 are no whole blocks of q4_0"), InputError);
  CHECK_THROWS_WITH_AS(add_positions(graph, graph.input("h", {1, 64, 64}, DType::f32), w), doctest::Contains("w is kept as q4_0"),
                       InputError);
}

TEST_CASE("embedding with a table in blocks") {
  for (const BlockReference& format : block_references())
    for (const std::uint32_t blocks : {1u, 3u}) {
      const std::uint32_t rows = 13, dim = blocks * format.values, tokens = 29;
      const StoredMatrix table(format, rows, dim, 11);
      const OpInput ids{{tokens}, DType::i32, false, 1, [](std::size_t i) { return static_cast<double>(i * 5 % 13); }};
      const std::vector<double> found = run(table, ids, random_inputs({ids})[0],
                                            [](Graph& g, const Tensor& in, const Tensor& w) { return embedding(g, in, w, DType::f32); });
      for (std::size_t i = 0; i < found.size(); ++i) {
        const auto expected = static_cast<double>(static_cast<float>(table.at(i / dim * 5 % 13, i % dim)));
        if (found[i] != expected) FAIL_CHECK(format.name, " element ", i, ": ", found[i], ", expected ", expected);
      }
    }
}

TEST_CASE("experts with matrices in blocks") {
  const std::uint32_t tokens = 21, experts = 5, columns = 70;
  for (const BlockReference& format : block_references()) {
    const std::uint32_t inner = format.values == 32 ? 96 : 256;
    const StoredMatrix w(format, experts * columns, inner, 13);
    const OpInput input{{tokens, inner}, DType::f32};
    const Array<double> x = random_inputs({input})[0];
    const auto expert = [](std::size_t t) { return t * 3 % 5; };  // each token's only one
    const std::vector<double> found = run(w, input, x, [&](Graph& g, const Tensor& in, const Tensor& matrices) {
      std::vector<float> logits(std::size_t{tokens} * experts, 0.0f);
      for (std::size_t t = 0; t < tokens; ++t) logits[t * experts + expert(t)] = 4.0f;
      return expert_linear(g, in, matrices, route(g, g.constant("logits", {tokens, experts}, logits), 1, true));
    });
    std::vector<double> expected(std::size_t{tokens} * columns);
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t l = 0; l < inner; ++l) expected[t * columns + j] += x.data[t * inner + l] * w.at(expert(t) * columns + j, l);
    compare("experts " + format.name, expected, as_floats(found), 4 * std::sqrt(static_cast<double>(inner)) * unit_roundoff(DType::f32));
  }
}
