#include "ops/fill.h"

#include "ops/rows.h"

namespace ablate {

void fill(Graph& graph, const Tensor& x, float value) {
  const std::uint64_t count = x.size();
  graph.dispatch({.shader = "elementwise/fill",
                  .push = {x, count, value},
                  .cut = cut_elements(count, {0, 1}),
                  .items = groups_in(count),
                  .constants = for_elements(x),
                  .cost = {.flop = 0, .bytes = static_cast<double>(x.bytes())}});
}

}  // namespace ablate
