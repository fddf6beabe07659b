// A single matrix in place of the feed-forward (arXiv 2603.05498, Table 4).
#include "model/feed_forward.h"
#include "ops/matmul.h"

namespace ablate {
namespace {

const FfnParametersRegistration parameters_registration{
    "linear", [](const TransformerConfig& c, int, const std::string& prefix) {
      return std::vector<ParameterSpec>{{prefix + "proj.weight", {c.d_model, c.d_model}, ParameterKind::residual_linear}};
    }};
const FeedForwards::Registration registration("linear", [](Graph& g, const FeedForwardArgs& a) {
  return linear(g, a.x, a.parameter("proj.weight"), a.residual);
});

}  // namespace
}  // namespace ablate
