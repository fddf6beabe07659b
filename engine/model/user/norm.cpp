// kind = "norm": a norm for `[model] norm = "..."`.
#include "ops/norm.h"
#include "model/parameters.h"
#include "ops/user/user_norm.h"

namespace ablate {
namespace {

Tensor apply(Graph& graph, const UserShader& shader, const NormArgs& args) {
  std::vector<Tensor> parameters;
  for (const UserParameter& parameter : shader.parameters) {
    Tensor value = args.parameter(parameter.name);
    if (!value) {  // an intervention put this norm where the model has another
      const std::uint32_t size = parameter.per_channel ? args.x.dim(-1) : 1;
      value = graph.constant(parameter.name, {size}, std::vector<float>(size, static_cast<float>(parameter.start)));
    }
    parameters.push_back(value);
  }
  return user_norm(graph, shader, args.x, parameters, args.eps);
}

std::vector<ParameterSpec> parameters_of(const UserShader& shader, const NormPlace& place) {
  std::vector<ParameterSpec> specs;
  for (const auto& [name, per_channel, start] : shader.parameters)
    specs.push_back({place.prefix + "." + name, {per_channel ? place.width : 1}, ParameterKind::norm_alpha, start});
  return specs;
}

void add(RegistrationScope& scope, const UserShaderHandle& shader, Settings&) {
  scope.set(Norms::all(), shader->name, {[shader](Graph& g, const NormArgs& args) { return apply(g, *shader, args); }});
  add_norm_parameters(scope, shader->name, [shader](const NormPlace& place) { return parameters_of(*shader, place); });
}

const UserShaderKinds::Registration registration("norm", {.forward_include = "user/functions/norm.glsl",
                                                          .forward_kernel = "user/norm",
                                                          .backward_include = "user/functions/norm_backward.glsl",
                                                          .backward_kernel = "user/norm_backward",
                                                          .parameters = true,
                                                          .taken = Norms::has,
                                                          .add = add});

}  // namespace
}  // namespace ablate
