#include "ops/attention_statistics.h"

#include "experiment/plan.h"
#include "ops/attention_kernel.h"
#include "ops/attention_reference.h"
#include "support/device.h"
#include "support/folder.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

const std::vector<AttentionCase> cases = {{1, 1, 1, 1, 1},
                                          {2, 19, 4, 2, 8},
                                          {1, 33, 2, 2, 7, "softmax", 5, "kv"},
                                          {1, 300, 2, 1, 4, "softmax", 0, "sinks"},
                                          {1, 20, 2, 1, 8, "sigmoid", 0, "k"},
                                          {1, 20, 2, 1, 8, "relu"},
                                          {1, 20, 2, 1, 8, "softmax1", 0, "", 0}};

/// Mean over queries of the weight on a column: all queries, or those that come no earlier.
template <class S>
Array<S> mean_weight(const AttentionCase& c, const std::vector<Array<S>>& in, const std::vector<std::uint32_t>& keys, bool only_causal,
                     bool proxy) {
  const AttentionReference<S> full = attention_reference(c, in);
  const std::size_t learned = c.learned_key();
  Array<S> mass({c.batch, c.heads, static_cast<std::uint32_t>(keys.size())});
  for (std::size_t b = 0; b < c.batch; ++b)
    for (std::size_t h = 0; h < c.heads; ++h)
      for (std::size_t n = 0; n < keys.size(); ++n) {
        const std::size_t first = only_causal && keys[n] >= learned ? keys[n] - learned : 0;
        for (std::size_t i = first; i < c.tokens; ++i)
          mass(b, h, n) += (proxy && value_of(full.map(b, h, i, keys[n])) < 0 ? -full.map(b, h, i, keys[n]) : full.map(b, h, i, keys[n])) /
                           (proxy ? full.lse(b, h, i) + S(1e-8) : S(1.0)) / S(static_cast<double>(c.tokens - first));
      }
  return mass;
}

// Recomputed scores and the stored log-sum-exp both carry f32 sums of head_dim products; the mean sums T weights.
double tolerance_of(const AttentionCase& c) {
  return 16 * std::sqrt(static_cast<double>(c.head_dim + c.tokens)) * unit_roundoff(DType::f32);
}

std::vector<std::uint32_t> first_keys(std::uint32_t count) {
  std::vector<std::uint32_t> keys(count);
  for (std::uint32_t i = 0; i < count; ++i) keys[i] = i;
  return keys;
}

}  // namespace

TEST_CASE("attention statistics: key mass") {
  for (const DType type : float_types)
    for (const AttentionCase& c : cases) {
      std::vector<std::uint32_t> keys = {0, c.columns() - 1, c.columns() / 2};
      check_op(
          "key_mass of " + c.name(type), c.inputs(type, DType::f32, false),
          [&](const auto& in) { return mean_weight(c, in, keys, false, false); },
          [&](Graph& g, const auto& in) {
            const AttentionOptions options = c.options(in);
            return key_mass(g, in[0], in[1], attention(g, in[0], in[1], in[2], options).lse, options, keys);
          },
          {tolerance_of(c)});
    }
}

TEST_CASE("attention statistics: importance") {
  for (const DType type : float_types)
    for (const AttentionCase& c : cases)
      for (const bool proxy : {false, true}) {
        const std::uint32_t count = std::min(c.columns(), 10u);
        const bool divides = proxy && (c.score == "sigmoid" || c.score == "relu");
        check_op(
            "importance of " + c.name(type), c.inputs(type, DType::f32, false),
            [&](const auto& in) { return mean_weight(c, in, first_keys(count), true, divides); },
            [&](Graph& g, const auto& in) {
              const AttentionOptions options = c.options(in);
              return importance(g, in[0], in[1], attention(g, in[0], in[1], in[2], options).lse, options, count, proxy);
            },
            {tolerance_of(c)});
      }
}

// Gu et al. 2025: where weights may be negative the proxy is |s| / sum of |s|. A sum of signed ones may be near 0, or negative.
TEST_CASE("attention statistics: the proxy of scores that may be negative") {
  const TestFolder folder;
  folder.write("f.comp", "float forward(float score, uint i) { return score; }\nfloat backward(float score, uint i) { return 1.0; }");
  Settings settings =
      read_plan(
          folder.write("x.toml", "kind = \"probe\"\n[shaders.identity]\nkind = \"attention\"\nforward = \"f.comp\"\nbackward = \"f.comp\""),
          {})
          .points.at(0)
          .settings();
  const RegistrationScope shaders = read_user_shaders(settings);
  for (const DType type : float_types)
    for (const AttentionCase& c : {AttentionCase{2, 19, 4, 2, 8, "identity"}, AttentionCase{1, 33, 2, 2, 7, "identity", 5},
                                   AttentionCase{1, 20, 2, 1, 8, "identity", 0, "k"}, AttentionCase{1, 20, 2, 1, 8, "identity", 0, "", 0}})
      for (const auto& [kernel, how] : AttentionKernels::all()) {
        Graph shapes(pipelines().device().caps());
        const std::vector<OpInput> inputs = c.inputs(type);
        std::vector<Tensor> in;
        for (const OpInput& input : inputs) in.push_back(shapes.input("in", input.shape, input.dtype));
        if (!pipelines().device().caps().storage16 && type != DType::f32) continue;
        if (!how.runs(shapes.caps(), AttentionProblem(in[0], in[1], in[2], c.options(in)))) continue;
        // Each term is off by the rounding of its score, relative to the row's sum of magnitudes, which the quotient is relative to.
        check_op(
            "proxy importance of " + c.name(type) + " by " + kernel, c.inputs(type, DType::f32, false),
            [&](const auto& in) { return mean_weight(c, in, first_keys(10), true, true); },
            [&](Graph& g, const auto& in) {
              const AttentionOptions options = c.options(in, kernel);
              return importance(g, in[0], in[1], attention(g, in[0], in[1], in[2], options).lse, options, 10, true);
            },
            {tolerance_of(c)});
      }
}
