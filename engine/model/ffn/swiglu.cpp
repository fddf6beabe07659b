// SwiGLU (Shazeer 2020, arXiv 2002.05202): down(silu(gate(x)) * up(x)).
#include "ops/swiglu.h"
#include "model/feed_forward.h"
#include "ops/matmul.h"

namespace ablate {
namespace {

std::vector<ParameterSpec> own_parameters(const TransformerConfig& c, const std::string& prefix) {
  auto specs = up_and_down_parameters(c, prefix);
  specs.insert(specs.begin(), {prefix + "gate_proj.weight", {c.d_ffn, c.d_model}, ParameterKind::linear});
  return specs;
}

Tensor forward(Graph& graph, const FeedForwardArgs& args) {
  const Tensor gate = args.hook(Site::ffn_gate, linear(graph, args.x, args.parameter("gate_proj.weight")));
  const Tensor up = args.hook(Site::ffn_up, linear(graph, args.x, args.parameter("up_proj.weight")));
  const Tensor act = args.hook(Site::ffn_act, swiglu(graph, gate, up));
  return linear(graph, act, args.parameter("down_proj.weight"), args.residual);
}

const FfnParametersRegistration parameters_registration{"swiglu", own_parameters};
const FeedForwards::Registration registration("swiglu", forward);

}  // namespace
}  // namespace ablate
