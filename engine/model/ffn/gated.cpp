// Gated linear units (Shazeer 2020, arXiv 2002.05202): down(activation(gate(x)) * up(x)).
#include "model/feed_forward.h"
#include "ops/swiglu.h"

namespace ablate {
namespace {

std::vector<ParameterSpec> own_parameters(const TransformerConfig& c, int layer, const std::string& prefix) {
  const std::int64_t width = c.d_ffn[layer];
  std::vector<ParameterSpec> specs = up_and_down_parameters(c, layer, prefix);
  if (c.ffn_bias) specs.insert(specs.begin(), {prefix + "gate_proj.bias", {width}, ParameterKind::linear_bias});
  specs.insert(specs.begin(), {prefix + "gate_proj.weight", {width, c.d_model}, ParameterKind::linear});
  return specs;
}

Tensor gated(Graph& graph, const FeedForwardArgs& args, const char* activation) {
  const Tensor gate = args.hook(Site::ffn_gate, project(graph, args, args.x, "gate_proj"));
  const Tensor up = args.hook(Site::ffn_up, project(graph, args, args.x, "up_proj"));
  const Tensor act = args.hook(Site::ffn_act, swiglu(graph, gate, up, activation));
  return project(graph, args, act, "down_proj", args.residual);
}

struct Gated {
  Gated(const char* name, const char* activation)
      : parameters{name, own_parameters},
        forward(name, [activation](Graph& g, const FeedForwardArgs& a) { return gated(g, a, activation); }) {}

  FfnParametersRegistration parameters;
  FeedForwards::Registration forward;
};
const Gated swiglu_kind("swiglu", "silu"), geglu("geglu", "gelu"), geglu_tanh("geglu_tanh", "gelu_tanh"), reglu("reglu", "relu");

}  // namespace
}  // namespace ablate
