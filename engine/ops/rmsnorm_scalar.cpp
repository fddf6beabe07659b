// RMSNorm with one weight for all channels, so that no channel is made larger than another (SSNorm of outlier-safe pre-training, Park et al. 2025, arXiv
// 2506.19697).
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/rmsnorm.h"

namespace ablate {
namespace {

// (1) -> (width): a product with ones, so that its gradient is a sum.
Tensor spread(Graph& graph, const Tensor& w, std::uint32_t width) {
  const Tensor ones = graph.constant("ones", {width, 1}, std::vector<float>(width, 1.0f));
  return graph.reshape(linear(graph, ones, graph.reshape(w, {1, 1})), {width});
}

// Put in a place whose norm had a weight per channel, it has that.
const Norms::Registration registration("rmsnorm_scalar", {[](Graph& g, const NormArgs& a) {
                                         const Tensor w = a.parameter("weight");
                                         return rmsnorm(g, a.x, w.size() == 1 ? spread(g, w, a.x.dim(-1)) : w, a.eps);
                                       }});

}  // namespace
}  // namespace ablate
