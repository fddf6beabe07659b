#include "ops/layernorm.h"

#include "ops/bias.h"
#include "ops/norm.h"
#include "ops/normalize.h"

namespace ablate {

Tensor layernorm(Graph& graph, const Tensor& x, const Tensor& weight, float eps) {
  return normalize(graph, "layernorm", x, weight, eps, true);
}

static const Norms::Registration registration("layernorm", {[](Graph& g, const NormArgs& a) {
                                                const Tensor y = layernorm(g, a.x, a.parameter("weight"), a.eps),
                                                             bias = a.parameter("bias");
                                                return bias ? add_bias(g, y, bias) : y;
                                              }});

}  // namespace ablate
