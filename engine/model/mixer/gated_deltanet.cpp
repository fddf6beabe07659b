// Gated DeltaNet (Yang et al. 2024, arXiv 2412.06464) as Qwen3-Next and Qwen3.5 have it: queries, keys and values go through a short convolution and SiLU, each
// key and query is divided by its length, each head's state forgets and learns by the token's own shares, and a gated norm ends it.
#include "model/config.h"
#include "model/mixer.h"
#include "ops/activation.h"
#include "ops/causal_conv.h"
#include "ops/delta_rule.h"
#include "ops/matmul.h"
#include "ops/rmsnorm.h"
#include "ops/swiglu.h"

#include <cmath>

namespace ablate {
namespace {

constexpr double length_eps = 1e-6;  // added to a squared length

std::vector<ParameterSpec> own_parameters(const TransformerConfig& c, const std::string& prefix) {
  const std::int64_t keys = std::int64_t{c.linear_key_heads} * c.linear_key_dim, heads = c.linear_value_heads,
                     values = heads * c.linear_value_dim, taps = c.linear_taps;
  std::vector<ParameterSpec> specs;
  const auto add = [&](const char* name, std::vector<std::int64_t> shape, ParameterKind kind, double start = 0) {
    specs.push_back({prefix + name, std::move(shape), kind, start});
  };
  add("q_proj.weight", {keys, c.d_model}, ParameterKind::linear);
  add("k_proj.weight", {keys, c.d_model}, ParameterKind::linear);
  add("v_proj.weight", {values, c.d_model}, ParameterKind::linear);
  add("gate_proj.weight", {values, c.d_model}, ParameterKind::linear);
  add("a_proj.weight", {heads, c.d_model}, ParameterKind::linear);
  add("b_proj.weight", {heads, c.d_model}, ParameterKind::linear);
  add("q_conv.weight", {keys, 1, taps}, ParameterKind::convolution);
  add("k_conv.weight", {keys, 1, taps}, ParameterKind::convolution);
  add("v_conv.weight", {values, 1, taps}, ParameterKind::convolution);
  add("A_log", {heads}, ParameterKind::norm_alpha, std::log(8.0));  // the middle of what Qwen3-Next draws: uniform up to 16
  add("dt_bias", {heads}, ParameterKind::norm_alpha, 1.0);
  add("norm.weight", {c.linear_value_dim}, ParameterKind::norm_weight);
  add("o_proj.weight", {c.d_model, values}, ParameterKind::residual_linear);
  return specs;
}

std::vector<MixerPoint> own_points(const TransformerConfig& c) {
  return {{Site::q, c.linear_key_heads, c.linear_key_dim},
          {Site::k, c.linear_key_heads, c.linear_key_dim},
          {Site::v, c.linear_value_heads, c.linear_value_dim},
          {Site::decay, c.linear_value_heads, 1},
          {Site::beta, c.linear_value_heads, 1},
          {Site::head_gate, c.linear_value_heads, c.linear_value_dim},
          {Site::heads_out, c.linear_value_heads, c.linear_value_dim}};
}

/// x (B, T, heads * dim) as (B, T, heads, dim), each head normed by `weight` (dim).
Tensor normed_heads(Graph& graph, const Tensor& x, const Tensor& weight, double eps) {
  const std::uint32_t dim = weight.dim(0);
  const Tensor heads = graph.reshape(x, {x.dim(0), x.dim(1), x.dim(2) / dim, dim});
  return graph.reshape(rmsnorm(graph, heads, weight, static_cast<float>(eps)), x.shape);
}

/// x / sqrt(|x|^2 + eps) of each head: the RMSNorm of x over sqrt(dim).
Tensor of_unit_length(Graph& graph, const Tensor& x, int dim) {
  const std::vector<float> weight(static_cast<std::size_t>(dim), static_cast<float>(1 / std::sqrt(dim)));
  return normed_heads(graph, x, graph.constant("unit length", {static_cast<std::uint32_t>(dim)}, weight), length_eps / dim);
}

Tensor gated_deltanet(Graph& graph, const MixerArgs& args) {
  const TransformerConfig& c = args.config;
  const auto projected = [&](const std::string& name) { return linear(graph, args.x, args.parameter(name + "_proj.weight")); };
  const auto convolved = [&](const std::string& name) {
    return activation(graph, "silu", causal_conv(graph, projected(name), args.vector(name + "_conv.weight")));
  };
  const Tensor q = args.hook(Site::q, of_unit_length(graph, convolved("q"), c.linear_key_dim)),
               k = args.hook(Site::k, of_unit_length(graph, convolved("k"), c.linear_key_dim)), v = args.hook(Site::v, convolved("v"));
  DeltaGates gates = delta_gates(graph, projected("a"), projected("b"), args.vector("A_log"), args.vector("dt_bias"));
  gates.decay = args.hook(Site::decay, gates.decay);
  gates.beta = args.hook(Site::beta, gates.beta);
  const Tensor y =
      delta_rule(graph, q, k, v, gates, static_cast<std::uint32_t>(c.linear_key_dim), static_cast<float>(1 / std::sqrt(c.linear_key_dim)));
  const Tensor normed = normed_heads(graph, y, args.vector("norm.weight"), c.norm_eps);
  const Tensor out = args.hook(Site::heads_out, swiglu(graph, args.hook(Site::head_gate, projected("gate")), normed));
  return linear(graph, out, args.parameter("o_proj.weight"), args.residual);
}

const MixerParametersRegistration parameters("gated_deltanet", own_parameters);
const Mixers::Registration registration("gated_deltanet", {own_points, gated_deltanet});

}  // namespace
}  // namespace ablate
