// RMSNorm whose weight is 1 + w (Gemma): the parameter stays as files have it, so that what is loaded can be written back unrounded.
#include "ops/add.h"
#include "ops/norm.h"
#include "ops/rmsnorm.h"

namespace ablate {

static const Norms::Registration registration("rmsnorm_plus_one", {[](Graph& g, const NormArgs& a) {
                                                const Tensor w = a.parameter("weight"),
                                                             one = g.constant("one", w.shape, std::vector<float>(w.size(), 1.0f));
                                                return rmsnorm(g, a.x, add(g, w, one), a.eps);
                                              }});

}  // namespace ablate
