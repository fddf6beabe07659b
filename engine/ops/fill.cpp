#include "ops/fill.h"

#include "ops/rows.h"

namespace ablate {

void fill(Graph& graph, const Tensor& x, float value) {
  const auto count = static_cast<std::uint32_t>(x.size());
  graph.dispatch({.shader = "elementwise/fill",
                  .push = {x, count, value},
                  .items = groups_of(1, count),
                  .constants = for_elements(x),
                  .cost = {.flop = 0, .bytes = static_cast<double>(x.bytes())}});
}

}  // namespace ablate
