// Feed-forwards of two matrices with a pointwise activation between them.
#include "model/feed_forward.h"
#include "ops/activation.h"
#include "ops/matmul.h"

namespace ablate {

std::vector<ParameterSpec> up_and_down_parameters(const TransformerConfig& c, const std::string& prefix) {
  return {{prefix + "up_proj.weight", {c.d_ffn, c.d_model}, ParameterKind::linear},
          {prefix + "down_proj.weight", {c.d_model, c.d_ffn}, ParameterKind::residual_linear}};
}

Tensor up_and_down(Graph& graph, const FeedForwardArgs& args, const std::string& kind) {
  const Tensor up = args.hook(Site::ffn_up, linear(graph, args.x, args.parameter("up_proj.weight")));
  const Tensor act = args.hook(Site::ffn_act, activation(graph, kind, up));
  return linear(graph, act, args.parameter("down_proj.weight"), args.residual);
}

static const FfnParametersRegistration gelu_parameters{"gelu", up_and_down_parameters}, relu_parameters{"relu", up_and_down_parameters};
static const FeedForwards::Registration gelu("gelu", [](Graph& g, const FeedForwardArgs& a) { return up_and_down(g, a, "gelu"); });
static const FeedForwards::Registration relu("relu", [](Graph& g, const FeedForwardArgs& a) { return up_and_down(g, a, "relu"); });

}  // namespace ablate
