// kind = "attention": weights from scores, `[model] attention = "..."`.
#include "ops/attention.h"

namespace ablate {
namespace {

void add(RegistrationScope& scope, const UserShaderHandle& shader, Settings&) {
  scope.set(AttentionScores::all(), shader->name, {AttentionScore::user_code, shader});
}

const UserShaderKinds::Registration registration("attention", {.forward_include = "user/functions/attention.glsl",
                                                               .forward_kernel = "attention/key_weights",
                                                               .backward_include = "user/functions/attention.glsl",
                                                               .backward_kernel = "attention/learned_key_gradient",
                                                               .no_backward = "float backward(float score, uint i) { return 0.0; }\n",
                                                               .taken = AttentionScores::has,
                                                               .add = add});

}  // namespace
}  // namespace ablate
