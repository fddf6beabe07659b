#include "ops/matmul_kernels.h"

#include "support/device.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

#include <map>

using namespace ablate;
using namespace ablate::test;

namespace {

struct Case {
  std::uint32_t batch, m, n, k;
  Layout layout;
  DType in, out;
  bool bias, residual;
};

// Multiples of a half from -0.5 to 1: products and their sums are exact in f32 whatever their order, so results must be equal, not close.
std::vector<float> dyadic(std::size_t size, std::uint32_t seed) {
  std::vector<float> values(size);
  for (float& v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(seed >> 30) * 0.5f - 0.5f;
  }
  return values;
}

// Multiples of 1/128 from -1 to 1, which 8 bits hold: added to the product they leave a sum that 16 bits must round.
std::vector<float> fine(std::size_t size, std::uint32_t seed) {
  std::vector<float> values(size);
  for (float& v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(static_cast<std::int32_t>(seed >> 24) - 128) / 128.0f;
  }
  return values;
}

std::vector<float> expected(const Case& c, const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& bias,
                            const std::vector<float>& residual) {
  std::vector<float> out(std::size_t{c.batch} * c.m * c.n);
  for (std::size_t s = 0; s < c.batch; ++s)
    for (std::size_t i = 0; i < c.m; ++i)
      for (std::size_t j = 0; j < c.n; ++j) {
        float sum = 0;
        for (std::size_t l = 0; l < c.k; ++l)
          sum += a[s * c.m * c.k + (c.layout == Layout::tn ? l * c.m + i : i * c.k + l)] *
                 b[s * c.k * c.n + (c.layout == Layout::nt ? j * c.k + l : l * c.n + j)];
        const std::size_t at = (s * c.m + i) * c.n + j;
        out[at] = round_to(c.out, sum + (c.bias ? bias[j] : 0) + (c.residual ? residual[at] : 0));
      }
  return out;
}

MatmulProblem problem_of(const Case& c) { return {c.m, c.n, c.k, c.batch, c.in, c.in, c.out, c.layout}; }

struct Product {
  Graph graph{pipelines().device().caps()};
  Tensor x, y, bias, before, out;

  Product(const Case& c, const std::string& kernel) {
    x = graph.input("a", c.layout == Layout::tn ? Shape{c.batch, c.k, c.m} : Shape{c.batch, c.m, c.k}, c.in);
    y = graph.input("b", c.layout == Layout::nt ? Shape{c.batch, c.n, c.k} : Shape{c.batch, c.k, c.n}, c.in);
    bias = graph.input("bias", {c.n}, DType::f32), before = graph.input("residual", {c.batch, c.m, c.n}, c.out);
    MatmulOptions options{.out = c.out};
    options.kernel = kernel;
    if (c.bias) options.bias = bias;
    if (c.residual) options.residual = before;
    out = graph.keep(matmul(graph, x, y, c.layout, options));
  }
};

struct Trial {
  Case c;
  std::string kernel;
};

// On all cores: a GPU's driver would take minutes for them one by one.
void prepare(const std::vector<Trial>& trials) {
  std::vector<PipelineKey> keys;
  for (const auto& [c, kernel] : trials) {
    const std::vector<PipelineKey> more = pipelines_of(Product(c, kernel).graph);
    keys.insert(keys.end(), more.begin(), more.end());
  }
  pipelines().prepare(keys);
}

// The number of elements that differ from what they must be.
long run(const Case& c, const std::string& kernel, std::vector<float>* result = nullptr) {
  const std::vector<float> a = dyadic(std::size_t{c.batch} * c.m * c.k, 1), b = dyadic(std::size_t{c.batch} * c.k * c.n, 2),
                           bias = dyadic(c.n, 3), residual = fine(std::size_t{c.batch} * c.m * c.n, 4);
  const Product product(c, kernel);
  const auto executor = run_both_ways(product.graph, [&](Executor& to) {
    to.write_floats(product.x, a);
    to.write_floats(product.y, b);
    to.write_floats(product.bias, bias);
    to.write_floats(product.before, residual);
  });
  const std::vector<float> actual = executor->read_floats(product.out), wanted = expected(c, a, b, bias, residual);
  if (result) *result = actual;
  long wrong = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) wrong += !(actual[i] == wanted[i]);
  return wrong;
}

}  // namespace

TEST_CASE("every matmul kernel gives exactly the product") {
  const Caps& caps = pipelines().device().caps();
  std::vector<Case> cases;
  const auto layouts = {Layout::nn, Layout::nt, Layout::tn};
  for (const Layout layout : layouts) {
    cases.push_back({1, 200, 152, 200, layout, DType::f32, DType::f32, false, false});  // aligned rows, cut tiles
    cases.push_back({2, 131, 67, 45, layout, DType::f32, DType::f32, true, true});      // nothing aligned
    if (!can_store("matmul kernels in 16 bits", DType::f16)) continue;
    for (const DType type : {DType::f16, DType::bf16}) {
      cases.push_back({1, 256, 256, 64, layout, type, DType::f32, false, true});  // whole tiles
      cases.push_back({1, 256, 256, 64, layout, type, type, false, true});
      cases.push_back({1, 200, 152, 200, layout, type, type, false, false});
      cases.push_back({2, 131, 67, 45, layout, type, type, true, true});
      cases.push_back({1, 1, 1, 1, layout, type, DType::f32, true, false});
    }
  }
  // On a CPU a large tile takes seconds to compile: there the small ones stand for all, and take turns.
  std::size_t turn = 0;
  std::vector<Trial> trials;
  for (const Case& c : cases) {
    for (const MatmulKernel& kernel : all_matmul_kernels(problem_of(c), caps)) {
      const bool large = kernel.m * kernel.n > 64 * 64 || (kernel.shader == "coopmat" && kernel.part_m * kernel.part_n > 16 * 32);
      if (caps.is_cpu() && large) skip("matmul kernel " + to_string(kernel), "a CPU's driver takes seconds to compile it");
      if (caps.is_cpu() && (large || turn++ % 3 != 0)) continue;
      trials.push_back({c, to_string(kernel)});
    }
  }
  prepare(trials);
  for (const Trial& trial : trials) {
    INFO(trial.kernel, " on ", problem_of(trial.c).question());
    CHECK(run(trial.c, trial.kernel) == 0);
  }
}

TEST_CASE("a product split along K is exact, and repeats bit by bit") {
  const Caps& caps = pipelines().device().caps();
  for (const DType type : {DType::f32, DType::f16}) {
    if (!can_store("a split product in " + std::string(name_of(type)), type)) continue;
    const Case c{2, 40, 24, 1000, Layout::tn, type, DType::f32, true, true};
    for (MatmulKernel kernel : all_matmul_kernels(problem_of(c), caps)) {
      if (kernel.splits > 1 || kernel.m > 64 || kernel.n > 64) continue;
      kernel.splits = 3;
      if (!fits(kernel, problem_of(c), caps)) continue;
      INFO(to_string(kernel));
      std::vector<float> first, second;
      CHECK(run(c, to_string(kernel), &first) == 0);
      CHECK(run(c, to_string(kernel), &second) == 0);
      CHECK(first == second);
      if (caps.is_cpu()) break;
    }
  }
}

TEST_CASE("matmul kernels have names") {
  const MatmulKernel kernel{"coopmat2", 128, 256, 64, 128, 256, 256, 1, 4};
  CHECK(to_string(kernel) == "coopmat2 128x256x64 of 128x256, 256 lanes, 1 buffers, 4 splits");
  CHECK(to_string(parse_matmul_kernel(to_string(kernel)).value()) == to_string(kernel));
  for (const char* text :
       {"", "tiled", "tiled 128x128x0 of 8x8, 256 lanes, 2 buffers, 1 splits", "tiled 128x128x8 of 8x8, 256 lanes, 2 buffers, 0 splits"})
    CHECK_FALSE(parse_matmul_kernel(text));
}

TEST_CASE("matmul refuses a kernel that does not fit") {
  Graph graph(pipelines().device().caps());
  const Tensor a = graph.input("a", {4, 4}, DType::f32);
  CHECK_THROWS_AS(matmul(graph, a, a, Layout::nn, {.kernel = "no such kernel"}), InputError);
  CHECK_THROWS_AS(matmul(graph, a, a, Layout::nn, {.kernel = "coopmat 64x64x32 of 32x32, 128 lanes, 1 buffers, 1 splits"}),
                  InputError);  // f32 inputs
}

TEST_CASE("subgroup-wide and workgroup-wide matrices race where a device has both, and one plain kernel against the subgroup-wide alone") {
  Caps caps;
  caps.type = "discrete";
  caps.subgroup_size = 32;
  caps.max_invocations = 1024;
  caps.shared_memory = 49152;
  caps.storage16 = caps.f16 = caps.coopmat = caps.coopmat2 = true;
  caps.coop_shapes = {{.m = 16, .n = 16, .k = 16, .accumulate32 = true}};
  const MatmulProblem problem{32768, 256, 256, 1, DType::f16, DType::f16, DType::f16, Layout::nt};
  const auto shaders = [&](const Caps& c) {
    std::map<std::string, std::size_t> count;
    for (const MatmulKernel& kernel : matmul_candidates(problem, c)) ++count[kernel.shader];
    return count;
  };
  const auto all = [&](const char* shader) {
    std::size_t count = 0;
    for (const MatmulKernel& kernel : all_matmul_kernels(problem, caps)) count += kernel.shader == shader;
    return count;
  };
  REQUIRE(all("coopmat2") > 1);
  REQUIRE(all("coopmat") > 1);
  CHECK(shaders(caps) == std::map<std::string, std::size_t>{{"coopmat2", all("coopmat2")}, {"coopmat", all("coopmat")}});
  caps.coopmat2 = false;
  CHECK(shaders(caps) == std::map<std::string, std::size_t>{{"coopmat", all("coopmat")}, {"tiled", 1}});
  caps.coopmat = false;
  CHECK(shaders(caps) == std::map<std::string, std::size_t>{{"tiled", all("tiled")}});
}
