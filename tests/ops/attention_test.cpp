#include "ops/attention.h"

#include "ops/attention_kernel.h"
#include "ops/attention_reference.h"
#include "support/device.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

// f32: scores are sums of head_dim products and appear in an exponential (relative error of a weight = absolute error of its score, a few
// units); results are sums over T keys. 16 bits: results are rounded once, and tensor-core kernels round weights and score gradients, an
// independent relative error of one unit per term. A score's gradient is the difference of two terms a few times its size, of which one
// uses the rounded y: 8 units in all.
OpTolerance tolerance_of(DType type, const AttentionCase& c, const std::string& kernel) {
  const double sums = 8 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32);
  // That difference, weight * (dy . v - delta) / sqrt(head_dim) * k, has terms of size 1 and may cancel altogether (one visible key): the
  // gradients' floor.
  // Weights rounded before they meet values of size 1 err by a unit of the root of the sum of their squares: at most 1 if they sum to 1, else
  // sqrt(T).
  const double rounded_weights = c.score.starts_with("softmax") ? 1.0 : std::sqrt(static_cast<double>(c.tokens));
  const bool rounds = type != DType::f32 && (kernel.empty() || kernel.starts_with("coopmat"));
  return {2 * unit_roundoff(type) + sums, 8 * unit_roundoff(type) + 2 * sums, rounds ? rounded_weights : 0, 1.0};
}

void check_attention(const AttentionCase& c, DType type, DType bias_type = DType::f32, const std::string& kernel = "") {
  check_op(
      c.name(type) + (kernel.empty() ? "" : " by " + kernel), c.inputs(type, bias_type),
      [&](const auto& in) { return attention_reference(c, in).y; },
      [&](Graph& g, const auto& in) { return attention(g, in[0], in[1], in[2], c.options(in, kernel)).y; }, tolerance_of(type, c, kernel));
}

bool runs(const std::string& kernel, const AttentionCase& c, DType type) {
  Graph graph(pipelines().device().caps());
  std::vector<Tensor> in;
  for (const OpInput& input : c.inputs(type)) in.push_back(graph.input("x", input.shape, input.dtype));
  return AttentionKernels::find("attention kernel", kernel).runs(graph.caps(), AttentionProblem(in[0], in[1], in[2], c.options(in)));
}

}  // namespace

TEST_CASE("attention: shapes") {
  for (const DType type : float_types)
    for (const AttentionCase& c : {AttentionCase{1, 1, 1, 1, 1}, {2, 3, 2, 1, 5}, {1, 17, 2, 2, 8}, {2, 40, 4, 2, 6}, {1, 70, 1, 1, 16}})
      check_attention(c, type);
}

TEST_CASE("attention: large heads") {
  check_attention({1, 20, 2, 1, 80}, DType::f16);
  check_attention({1, 37, 1, 1, 128}, DType::f32);
  check_attention({1, 5, 1, 1, 255}, DType::f32);
}

// The device's own choice runs in all other cases; here each kernel it could choose, over everything kernels differ in.
TEST_CASE("attention: every kernel") {
  const std::vector<std::pair<AttentionCase, DType>> cases = {{{2, 70, 4, 2, 16, "softmax", 9, "kv"}, DType::f32},
                                                              {{1, 37, 2, 1, 5, "relu", 0, "k", 3}, DType::f32},
                                                              {{1, 150, 3, 3, 16, "softmax", 0, "sinks", 0}, DType::f16},
                                                              {{2, 70, 4, 2, 16, "softmax", 9, "kv"}, DType::f16},
                                                              {{1, 33, 2, 1, 32, "softmax1"}, DType::f16},
                                                              {{1, 70, 2, 1, 32, "sigmoid", 0, "kv"}, DType::bf16}};
  for (const auto& [name, kernel] : AttentionKernels::all())
    for (const auto& [c, type] : cases) {
      if (runs(name, c, type)) check_attention(c, type, DType::f32, name);
      else skip(c.name(type), "attention kernel " + name + " does not run here");
    }
}

TEST_CASE("attention: scores") {
  for (const char* score : {"softmax", "softmax1", "sigmoid", "relu"}) {
    for (const char* bias : {"", "k", "kv"}) check_attention({2, 21, 4, 2, 8, score, 0, bias}, DType::f32);
    check_attention({2, 21, 4, 2, 8, score, 0, "kv"}, DType::f16);
    check_attention({2, 21, 4, 2, 8, score}, DType::bf16);
  }
}

// Weights that are stretched and clipped: of 21 keys a part falls to 0 on one side, the first query's own rises to 1 on the other. Between the two sides nothing is
// differentiable, and no weight of these cases stands there.
TEST_CASE("attention: clipped softmax, by every kernel that knows it") {
  const auto clipped = [](AttentionCase c, float gamma, float zeta) {
    c.score = "clipped_softmax", c.gamma = gamma, c.zeta = zeta;
    return c;
  };
  for (const char* name : {"rows", "tiles", "small_tiles"})
    for (const auto& [c, type] :
         std::vector<std::pair<AttentionCase, DType>>{{clipped({2, 21, 4, 2, 8}, -0.06f, 1), DType::f32},
                                                      {clipped({1, 35, 2, 1, 5}, -0.03f, 1.1f), DType::f32},
                                                      {clipped({1, 25, 2, 1, 8, "", 9, "kv"}, -0.1f, 1), DType::f32},
                                                      {clipped({1, 19, 2, 2, 16, "", 0, "k", 3}, -0.03f, 1.03f), DType::f32},
                                                      {clipped({1, 1, 1, 1, 4}, -0.1f, 1.2f), DType::f32}}) {
      if (runs(name, c, type)) check_attention(c, type, DType::f32, name);
      else skip(c.name(type), std::string("attention kernel ") + name + " does not run here");
    }
}

// Everything kernels on cooperative matrices do about scores, windows and edges, at the narrowest width they take, and wider ones.
void check_whole_matrices(const std::string& kernel, std::uint32_t narrow, DType type) {
  const bool cpu = pipelines().device().caps().is_cpu();
  for (const AttentionCase& c : {AttentionCase{1, 100, 2, 1, narrow},
                                 {1, 70, 2, 1, narrow, "sigmoid"},
                                 {1, 70, 2, 1, narrow, "relu"},
                                 {1, 33, 2, 1, narrow, "softmax1"},
                                 {1, 70, 2, 2, narrow, "softmax", 0, "sinks"},
                                 {2, 90, 2, 1, narrow, "softmax", 20},
                                 {1, 90, 2, 1, narrow, "softmax", 1},
                                 {1, 80, 2, 1, narrow, "softmax", 0, "", 3},
                                 {1, 80, 2, 1, narrow, "softmax", 30, "", 40},
                                 {1, 1, 1, 1, narrow},
                                 {1, 256, 2, 1, narrow},
                                 {1, 70, 4, 2, 64},
                                 {1, 192, 2, 1, 64},
                                 {1, 150, 1, 1, 128},
                                 {1, 33, 2, 1, 48}}) {
    // A CPU's driver takes minutes to compile wide matrices.
    if (cpu && c.head_dim > 16) skip(c.name(type), "too wide for a CPU");
    else if (!runs(kernel, c, type)) skip(c.name(type), "attention kernel " + kernel + " does not run here");
    else check_attention(c, type, DType::f32, kernel);
  }
}

TEST_CASE("attention: whole matrices of channels") {
  for (const DType type : {DType::f16, DType::bf16}) {
    check_whole_matrices("coopmat", 16, type);
    check_whole_matrices("coopmat2", 32, type);
  }
}

TEST_CASE("attention: windows") {
  for (const DType type : {DType::f32, DType::bf16})
    for (const std::uint32_t window : {1u, 2u, 7u, 16u, 100u}) check_attention({1, 45, 2, 1, 8, "softmax", window}, type);
  check_attention({1, 45, 2, 1, 8, "sigmoid", 9}, DType::f32);
}

TEST_CASE("attention: sinks and learned keys") {
  for (const DType type : float_types) {
    check_attention({2, 37, 4, 2, 8, "softmax", 0, "sinks"}, type);
    check_attention({1, 300, 2, 1, 2, "softmax", 5, "kv"}, type);
    check_attention({1, 20, 2, 1, 8, "softmax", 4, "sinks"}, type);
  }
}

TEST_CASE("attention: masked key") {
  for (const std::int32_t key : {0, 3, 19}) {
    check_attention({1, 20, 2, 1, 8, "softmax", 0, "", key}, DType::f32);
    check_attention({1, 20, 2, 1, 8, "relu", 6, "k", key}, DType::f32);
  }
}

// Of size 1, so that the cap bends them: scores of head_dim products of size 1 have size sqrt(head_dim) * scale.
TEST_CASE("attention: scaled and capped scores, by every kernel that knows caps") {
  for (const AttentionCase& shape : {AttentionCase{2, 20, 4, 2, 8},
                                     {1, 70, 2, 1, 16, "softmax", 9, "kv"},
                                     {1, 37, 2, 1, 5, "relu", 0, "k", 3},
                                     {1, 33, 2, 2, 8, "sigmoid"},
                                     {1, 50, 3, 3, 16, "softmax", 0, "sinks"}})
    for (const float cap : {0.0f, 0.7f}) {
      AttentionCase c = shape;
      c.scale = 0.41f, c.softcap = cap;
      for (const auto& [name, kernel] : AttentionKernels::all()) {
        if (name.starts_with("coopmat")) CHECK_FALSE((cap > 0 && runs(name, c, DType::f16)));
        else if (runs(name, c, DType::f32)) check_attention(c, DType::f32, DType::f32, name);
        else skip(c.name(DType::f32), "attention kernel " + name + " does not run here");
      }
      check_op(
          c.name(DType::f32) + " map", c.inputs(DType::f32, DType::f32, false),
          [&](const auto& in) { return attention_reference(c, in).map; },
          [&](Graph& g, const auto& in) {
            return attention_map(g, in[0], in[1], attention(g, in[0], in[1], in[2], c.options(in)).lse, c.options(in));
          },
          {16 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32)});
    }
}

TEST_CASE("attention: masked keys of some heads, by every kernel that knows them") {
  for (AttentionCase c : {AttentionCase{2, 20, 4, 2, 8},
                          {1, 70, 2, 1, 16, "softmax", 9, "kv"},
                          {1, 37, 2, 1, 5, "relu", 0, "k"},
                          {1, 33, 2, 2, 8, "sigmoid"},
                          {1, 150, 3, 3, 16, "softmax", 0, "sinks"}}) {
    c.masked_keys.resize(std::size_t{c.heads} * c.tokens);
    for (std::size_t i = 0; i < c.masked_keys.size(); ++i) c.masked_keys[i] = i % 7 == 2 || i + 1 == c.masked_keys.size();
    for (const DType type : {DType::f32, DType::f16})
      for (const auto& [name, kernel] : AttentionKernels::all()) {
        const auto options = [&c, name = name](Graph& g, const auto& in) {
          AttentionOptions o = c.options(in, name);
          o.masked_keys = g.constant("masked keys", {c.heads, c.tokens}, c.masked_keys);
          return o;
        };
        if (name.starts_with("coopmat")) {
          CHECK_FALSE([&] {
            Graph graph(pipelines().device().caps());
            std::vector<Tensor> in;
            for (const OpInput& input : c.inputs(type)) in.push_back(graph.input("x", input.shape, input.dtype));
            const AttentionOptions o = options(graph, in);
            return AttentionKernels::find("attention kernel", name).runs(graph.caps(), AttentionProblem(in[0], in[1], in[2], o));
          }());
          continue;
        }
        if (!runs(name, c, type)) {
          skip(c.name(type), "attention kernel " + name + " does not run here");
          continue;
        }
        const OpTolerance tolerance = tolerance_of(type, c, name);
        check_op(
            c.name(type) + " some keys masked by " + name, c.inputs(type, DType::f32, false),
            [&](const auto& in) { return attention_reference(c, in).y; },
            [&](Graph& g, const auto& in) { return attention(g, in[0], in[1], in[2], options(g, in)).y; }, tolerance);
        check_op(
            c.name(type) + " map, some keys masked by " + name, c.inputs(type, DType::f32, false),
            [&](const auto& in) { return attention_reference(c, in).map; },
            [&](Graph& g, const auto& in) {
              const AttentionOptions o = options(g, in);
              return attention_map(g, in[0], in[1], attention(g, in[0], in[1], in[2], o).lse, o);
            },
            {16 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32)});
      }
  }
}

// Behind every kernel, whatever it gave: the first keys join what there is.
TEST_CASE("attention: first keys that the window has left behind") {
  for (AttentionCase c : {AttentionCase{2, 20, 4, 2, 8, "softmax", 5},
                          {1, 70, 2, 1, 16, "softmax", 9, "kv"},
                          {1, 37, 2, 1, 5, "relu", 4, "k", 1},
                          {1, 33, 2, 2, 8, "sigmoid", 1},
                          {1, 33, 2, 1, 32, "softmax1", 3},
                          {1, 50, 3, 3, 16, "softmax", 40, "sinks", 0},
                          {1, 20, 2, 1, 80, "softmax", 6}})
    for (const std::uint32_t first : {1u, 4u, 12u}) {
      c.keep_first = first;
      for (const DType type : float_types) {
        if (type != DType::f32 && first != 4) continue;
        // Two roundings of y in place of one: the kernel's and that of the keys which join it.
        OpTolerance tolerance = tolerance_of(type, c, "");
        tolerance.value += 2 * unit_roundoff(type);
        const auto result = [&](Graph& g, const auto& in) { return attention(g, in[0], in[1], in[2], c.options(in)); };
        const double sums = 16 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32);
        check_op(
            c.name(type), c.inputs(type, DType::f32, false), [&](const auto& in) { return attention_reference(c, in).y; },
            [&](Graph& g, const auto& in) { return result(g, in).y; }, tolerance);
        check_op(
            c.name(type) + " lse", c.inputs(type, DType::f32, false), [&](const auto& in) { return attention_reference(c, in).lse; },
            [&](Graph& g, const auto& in) { return result(g, in).lse; }, {sums});
        check_op(
            c.name(type) + " map", c.inputs(type, DType::f32, false), [&](const auto& in) { return attention_reference(c, in).map; },
            [&](Graph& g, const auto& in) { return attention_map(g, in[0], in[1], result(g, in).lse, c.options(in)); }, {sums});
      }
    }
}

TEST_CASE("attention: log-sum-exp and map") {
  for (const DType type : float_types)
    for (const AttentionCase& c : {AttentionCase{2, 19, 2, 1, 8},
                                   {1, 33, 2, 2, 12, "softmax", 5, "kv"},
                                   {1, 19, 2, 1, 7, "sigmoid", 0, "k"},
                                   {1, 19, 2, 1, 8, "relu"},
                                   {1, 19, 2, 1, 8, "softmax", 0, "sinks", 0},
                                   {1, 19, 2, 1, 8, "softmax1", 0, "", 2}}) {
      // Nothing is rounded to 16 bits here: only f32 sums.
      const double tolerance = 8 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32);
      const auto result = [&](Graph& g, const std::vector<Tensor>& in) { return attention(g, in[0], in[1], in[2], c.options(in)); };
      check_op(
          c.name(type) + " lse", c.inputs(type, DType::f32, false), [&](const auto& in) { return attention_reference(c, in).lse; },
          [&](Graph& g, const auto& in) { return result(g, in).lse; }, {tolerance});
      check_op(
          c.name(type) + " map", c.inputs(type, DType::f32, false), [&](const auto& in) { return attention_reference(c, in).map; },
          [&](Graph& g, const auto& in) { return attention_map(g, in[0], in[1], result(g, in).lse, c.options(in)); }, {2 * tolerance});
    }
}

TEST_CASE("attention: a learned key in the tokens' type") { check_attention({1, 12, 2, 1, 8, "softmax", 0, "kv"}, DType::f16, DType::f16); }

TEST_CASE("attention refuses what does not fit") {
  Graph graph(pipelines().device().caps());
  const Tensor q = graph.input("q", {1, 4, 16}, DType::f32), k = graph.input("k", {1, 4, 8}, DType::f32),
               sinks = graph.input("sinks", {2}, DType::f32);
  const auto with = [&](AttentionOptions o) { return attention(graph, q, k, k, o); };
  CHECK_NOTHROW(with({.heads = 2, .kv_heads = 1, .head_dim = 8}));
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 2, .head_dim = 8}), InputError);
  CHECK_THROWS_AS(with({.heads = 3, .kv_heads = 2, .head_dim = 8}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .score = "hardmax"}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .score = "relu", .sinks = sinks}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .k_bias = sinks}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .masked_key = 4}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .masked_keys = sinks}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .keep_first = 1, .first_q = q}), InputError);
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .window = 2, .keep_first = 1, .first_q = k}), InputError);
  CHECK_NOTHROW(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .window = 2, .keep_first = 1, .first_q = q}));
  CHECK_THROWS_AS(with({.heads = 2, .kv_heads = 1, .head_dim = 8, .kernel = "fastest"}), InputError);
}
