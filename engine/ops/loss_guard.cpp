#include "ops/loss_guard.h"

namespace ablate {

void loss_guard(Graph& graph, const StepControl& control, const Tensor& state, const Tensor& loss, const Tensor& limit) {
  graph.dispatch(
      {.shader = "optimizer/loss_guard", .push = {loss, limit, control.values, state}, .items = 1, .cost = {.flop = 1, .bytes = 16}});
}

}  // namespace ablate
