// kind = "activation": between the two matrices of a feed-forward, `[model] ffn = "..."`.
#include "ops/activation.h"
#include "model/feed_forward.h"

namespace ablate {
namespace {

void add(RegistrationScope& scope, const UserShaderHandle& shader, Settings&) {
  const std::string name = shader->name;
  scope.set(Activations::all(), name, {ActivationKind::user_code, shader});
  scope.set(FeedForwards::all(), name, [name](Graph& g, const FeedForwardArgs& args) { return up_and_down(g, args, name); });
  add_ffn_parameters(scope, name, up_and_down_parameters);
}

bool taken(const std::string& name) { return Activations::has(name) || FeedForwards::has(name); }

const UserShaderKinds::Registration registration("activation", {.forward_include = "user/functions/activation.glsl",
                                                                .forward_kernel = "activation/activation",
                                                                .backward_include = "user/functions/activation.glsl",
                                                                .backward_kernel = "activation/activation_backward",
                                                                .no_backward = "float backward(float x) { return 0.0; }\n",
                                                                .taken = taken,
                                                                .add = add});

}  // namespace
}  // namespace ablate
