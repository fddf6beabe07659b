// kind = "gate": how far a logit opens a gate on the attention output, `[model] gate = "..."`. Its key `per` says what has a logit of its
// own.
#include "ops/gate.h"
#include "base/settings.h"
#include "model/parameters.h"

namespace ablate {
namespace {

void add(RegistrationScope& scope, const UserShaderHandle& shader, Settings& own) {
  const std::string per = own.choice("per", "channel", {"channel", "head", "token"});
  scope.set(Gates::all(), shader->name, {shader});
  add_gate_width(scope, shader->name, [per](TransformerConfig config) {
    config.gate = per;
    return gate_width(config);
  });
}

const UserShaderKinds::Registration registration("gate", {.forward_include = "user/functions/gate.glsl",
                                                          .forward_kernel = "gate/gate",
                                                          .backward_include = "user/functions/gate.glsl",
                                                          .backward_kernel = "gate/gate_backward_row",
                                                          .no_backward = "float backward(float z) { return 0.0; }\n",
                                                          .taken = Gates::has,
                                                          .add = add});

}  // namespace
}  // namespace ablate
