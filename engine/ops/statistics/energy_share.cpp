#include "ops/statistics/energy_share.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

Tensor energy_share(Graph& graph, const TopChannels& top, const Tensor& norms) {
  const std::uint32_t rows = top.values.dim(0), k = top.values.dim(1);
  require(norms.dtype == DType::f32 && norms.size() == rows, "energy_share: {} rows, norms are {} {}", rows, name_of(norms.dtype),
          to_string(norms.shape));
  const Tensor share = graph.tensor({rows}, DType::f32);
  graph.dispatch({.shader = "statistics/energy_share",
                  .push = {top.values, norms, share, rows, k},
                  .cut = cut_along(rows, {{0, k}, {1, 1}, {2, 1}, {3, 1}}),
                  .items = rows,
                  .cost = one_read(top.values, 3)});
  return share;
}

}  // namespace ablate
