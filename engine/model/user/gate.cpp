// kind = "gate": how far a logit opens a gate on the attention output, `[model] gate = "..."`. Its key `per` says what has a logit of its
// own.
#include "ops/gate.h"
#include "base/settings.h"
#include "model/parameters.h"

namespace ablate {
namespace {

std::string read_per(Settings& own) {
  return own.choice({"per", "what one gate covers: a channel, a head or all of a token"}, "channel", {"channel", "head", "token"});
}

void add(RegistrationScope& scope, const UserShaderHandle& shader, Settings& own) {
  const std::string per = read_per(own);
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
                                                          .add = add,
                                                          .read_own_keys = [](Settings& own) { read_per(own); }});

}  // namespace
}  // namespace ablate
