#include "ops/statistics/top_channels.h"

#include "ops/statistics/row_kernel.h"

namespace ablate {

TopChannels top_channels(Graph& graph, const Tensor& x, std::uint32_t k) {
  require(k >= 1 && k <= 8, "top_channels: asked for {}, there can be 1 to 8", k);
  const TopChannels top{graph.tensor({x.rows(), k}, DType::f32), graph.tensor({x.rows(), k}, DType::i32)};
  Specialization constants = one_subgroup_per_row(graph, x);
  constants.push_back({"K", k});
  graph.dispatch({.shader = "statistics/top_channels",
                  .push = {x, top.values, top.channels, x.rows(), x.dim(-1)},
                  .cut = cut_along(x.rows(), {{0, x.dim(-1)}, {1, k}, {2, k}, {3, 1}}),
                  .rows = x.rows(),
                  .constants = std::move(constants),
                  .cost = one_read(x, 1)});
  return top;
}

}  // namespace ablate
