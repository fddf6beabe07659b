// Mixtures of experts: a router gives each token some of n_experts feed-forwards, and adds up what they give by its weights (Shazeer et al. 2017, arXiv
// 1701.06538; Mixtral, Qwen-MoE, OLMoE, gpt-oss). Only the chosen ones are computed. Qwen2-MoE has one more that every token goes through.
#include "ops/experts.h"
#include "model/config.h"
#include "model/feed_forward.h"
#include "ops/add.h"
#include "ops/clamped_swiglu.h"
#include "ops/gate.h"
#include "ops/matmul.h"
#include "ops/swiglu.h"

namespace ablate {
namespace {

/// Of a gate's and an up-projection's outputs.
using GatedUnit = Tensor (*)(Graph&, const TransformerConfig&, const Tensor& gate, const Tensor& up);

std::vector<ParameterSpec> own_parameters(const TransformerConfig& c, int layer, const std::string& prefix) {
  const std::int64_t experts = c.n_experts, width = c.d_ffn[layer], shared = c.d_shared_expert;
  std::vector<ParameterSpec> specs;
  const auto add = [&](const std::string& name, std::int64_t out, std::int64_t in, ParameterKind kind, bool bias) {
    specs.push_back({prefix + name + ".weight", {out, in}, kind});
    if (bias) specs.push_back({prefix + name + ".bias", {out}, ParameterKind::linear_bias});
  };
  add("router", experts, c.d_model, ParameterKind::linear, c.ffn_bias);
  const std::size_t first = specs.size();
  add("experts.gate_proj", experts * width, c.d_model, ParameterKind::linear, c.ffn_bias);
  add("experts.up_proj", experts * width, c.d_model, ParameterKind::linear, c.ffn_bias);
  add("experts.down_proj", experts * c.d_model, width, ParameterKind::residual_linear, c.ffn_bias);
  for (std::size_t i = first; i < specs.size(); ++i) specs[i].matrices = experts;
  if (shared == 0) return specs;
  add("shared_expert.gate_proj", shared, c.d_model, ParameterKind::linear, false);
  add("shared_expert.up_proj", shared, c.d_model, ParameterKind::linear, false);
  add("shared_expert.down_proj", c.d_model, shared, ParameterKind::residual_linear, false);
  add("shared_expert_gate", 1, c.d_model, ParameterKind::linear, false);
  return specs;
}

/// x W^T of each token's experts, (B, T, chosen * width): one expert's channels after another's.
Tensor project_slots(Graph& graph, const FeedForwardArgs& args, const Tensor& x, const std::string& name, const Routing& routing) {
  const std::string full = "experts." + name;
  const Tensor y = expert_linear(graph, x, args.parameter(full + ".weight"), routing, args.vector(full + ".bias"));
  return graph.reshape(y, {args.x.dim(0), args.x.dim(1), routing.chosen * y.dim(-1)});
}

Tensor shared_expert(Graph& graph, const FeedForwardArgs& args, GatedUnit unit) {
  const Tensor gate_values = linear(graph, args.x, args.parameter("shared_expert.gate_proj.weight")),
               up = linear(graph, args.x, args.parameter("shared_expert.up_proj.weight"));
  const Tensor y = linear(graph, unit(graph, args.config, gate_values, up), args.parameter("shared_expert.down_proj.weight"));
  return gate(graph, y, linear(graph, args.x, args.parameter("shared_expert_gate.weight")), 1);
}

Tensor mixture(Graph& graph, const FeedForwardArgs& args, GatedUnit unit) {
  const TransformerConfig& c = args.config;
  const Tensor logits = args.hook(Site::router, project(graph, args, args.x, "router"));
  const Routing routing = route(graph, logits, static_cast<std::uint32_t>(c.experts_per_token), c.norm_expert_weights);
  const Tensor gate_values = args.hook(Site::ffn_gate, project_slots(graph, args, args.x, "gate_proj", routing));
  const Tensor up = args.hook(Site::ffn_up, project_slots(graph, args, args.x, "up_proj", routing));
  const Tensor act = args.hook(Site::ffn_act, unit(graph, c, gate_values, up));
  const Tensor slots = graph.reshape(act, {routing.slots(), act.dim(-1) / routing.chosen});
  const Tensor down =
      expert_linear(graph, slots, args.parameter("experts.down_proj.weight"), routing, args.vector("experts.down_proj.bias"));
  const Tensor y = graph.reshape(combine_experts(graph, down, routing, args.residual), args.x.shape);
  return c.d_shared_expert > 0 ? add(graph, y, shared_expert(graph, args, unit)) : y;
}

struct Mixture {
  Mixture(const char* name, GatedUnit unit)
      : parameters{name, own_parameters}, forward(name, [unit](Graph& g, const FeedForwardArgs& a) { return mixture(g, a, unit); }) {}

  FfnParametersRegistration parameters;
  FeedForwards::Registration forward;
};

Tensor silu(Graph& graph, const TransformerConfig&, const Tensor& gate, const Tensor& up) { return swiglu(graph, gate, up); }
Tensor clamped(Graph& graph, const TransformerConfig& c, const Tensor& gate, const Tensor& up) {
  return clamped_swiglu(graph, gate, up, static_cast<float>(c.swiglu_limit), static_cast<float>(c.swiglu_alpha));
}

const Mixture experts("experts", silu), experts_clamped("experts_clamped", clamped);

}  // namespace
}  // namespace ablate
