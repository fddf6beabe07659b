#include "ops/statistics/counters.h"

#include "ops/fill.h"

namespace ablate {

Tensor counters(Graph& graph, Shape shape) {
  const Tensor counts = graph.tensor(std::move(shape), DType::i32);
  Tensor floats = counts;  // the bits of 0.0 are those of 0
  floats.dtype = DType::f32;
  fill(graph, floats, 0);
  return counts;
}

}  // namespace ablate
