#include "ops/statistics/first_token_norm_ratio.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor first_token_norm_ratio(Graph& graph, const Tensor& norms) {
  require(norms.dtype == DType::f32 && norms.shape.size() == 2 && norms.dim(1) >= 2,
          "first_token_norm_ratio: expected f32 (B, T) with T at least 2, found {} {}", name_of(norms.dtype), to_string(norms.shape));
  const Tensor ratio = graph.tensor({norms.dim(0)}, DType::f32);
  graph.dispatch({.shader = "statistics/first_token_norm_ratio",
                  .push = {norms, ratio, norms.dim(0), norms.dim(1)},
                  .cut = cut_along(norms.dim(0), {{0, norms.dim(1)}, {1, 1}, {2, 1}}),
                  .rows = norms.dim(0),
                  .cost = one_read(norms, 1)});
  return ratio;
}

}  // namespace ablate
