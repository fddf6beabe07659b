#include "ops/rmsnorm.h"

#include "ops/norm.h"
#include "ops/normalize.h"

namespace ablate {

Tensor rmsnorm(Graph& graph, const Tensor& x, const Tensor& weight, float eps) {
  return normalize(graph, "rmsnorm", x, weight, eps, false);
}

static const Norms::Registration registration("rmsnorm",
                                              {[](Graph& g, const NormArgs& a) { return rmsnorm(g, a.x, a.parameter("weight"), a.eps); }});

}  // namespace ablate
