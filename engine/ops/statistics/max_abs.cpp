#include "ops/statistics/max_abs.h"

#include "ops/statistics/top_entries.h"

namespace ablate {

MaxAbs max_abs(Graph& graph, const Tensor& x) {
  const TopEntries top = top_entries(graph, top_channels(graph, x, 1), 1);
  return {graph.reshape(top.values, {1}), graph.reshape(top.rows, {1}), graph.reshape(top.channels, {1})};
}

}  // namespace ablate
