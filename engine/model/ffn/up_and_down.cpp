// Feed-forwards of two matrices with a pointwise activation between them.
#include "model/feed_forward.h"
#include "ops/activation.h"
#include "ops/bias.h"
#include "ops/matmul.h"

namespace ablate {

Tensor project(Graph& graph, const FeedForwardArgs& args, const Tensor& x, const std::string& name, const Tensor& residual) {
  const Tensor y = linear(graph, x, args.parameter(name + ".weight"), residual), bias = args.vector(name + ".bias");
  return bias ? add_bias(graph, y, bias) : y;
}

std::vector<ParameterSpec> up_and_down_parameters(const TransformerConfig& c, int layer, const std::string& prefix) {
  const std::int64_t width = c.d_ffn[layer];
  std::vector<ParameterSpec> specs = {{prefix + "up_proj.weight", {width, c.d_model}, ParameterKind::linear},
                                      {prefix + "down_proj.weight", {c.d_model, width}, ParameterKind::residual_linear}};
  if (c.ffn_bias) {
    specs.insert(specs.begin() + 1, {prefix + "up_proj.bias", {width}, ParameterKind::linear_bias});
    specs.push_back({prefix + "down_proj.bias", {c.d_model}, ParameterKind::linear_bias});
  }
  return specs;
}

Tensor up_and_down(Graph& graph, const FeedForwardArgs& args, const std::string& kind) {
  const Tensor up = args.hook(Site::ffn_up, project(graph, args, args.x, "up_proj"));
  const Tensor act = args.hook(Site::ffn_act, activation(graph, kind, up));
  return project(graph, args, act, "down_proj", args.residual);
}

namespace {

struct Pointwise {
  explicit Pointwise(const char* name)
      : parameters{name, up_and_down_parameters},
        forward(name, [name](Graph& g, const FeedForwardArgs& a) { return up_and_down(g, a, name); }) {}

  FfnParametersRegistration parameters;
  FeedForwards::Registration forward;
};
const Pointwise gelu("gelu"), gelu_tanh("gelu_tanh"), relu("relu");

}  // namespace
}  // namespace ablate
