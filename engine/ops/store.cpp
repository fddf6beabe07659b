#include "ops/store.h"

namespace ablate {

void store(Graph& graph, const Tensor& x, const Tensor& to) {
  require(x.size() == to.size() && x.dtype == DType::f32 && to.dtype == DType::f32, "store: {} into {}", to_string(x.shape),
          to_string(to.shape));
  graph.dispatch({.shader = "elementwise/store",
                  .push = {x, to, x.size()},
                  .cut = cut_elements(x.size(), {0, 1, 2}),
                  .items = x.size(),
                  .cost = {.bytes = 2.0 * static_cast<double>(x.bytes())}});
}

}  // namespace ablate
