#include "ops/store.h"

namespace ablate {

void store(Graph& graph, const Tensor& x, const Tensor& to) {
  require(x.size() == to.size() && x.dtype == DType::f32 && to.dtype == DType::f32, "store: {} into {}", to_string(x.shape),
          to_string(to.shape));
  graph.dispatch({.shader = "elementwise/store",
                  .push = {x, to, static_cast<std::uint32_t>(x.size())},
                  .items = x.size(),
                  .cost = {.bytes = 2.0 * static_cast<double>(x.bytes())}});
}

}  // namespace ablate
