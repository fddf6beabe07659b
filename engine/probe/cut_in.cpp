#include "probe/cut_in.h"

#include "ops/hadamard.h"
#include "ops/largest_token.h"

namespace ablate {

Tensor cut_in(Graph& graph, const Tensor& x, const CutIn& cut) {
  if (cut.quantization) return cut.turned ? quantize_turned(graph, x, *cut.quantization) : quantize(graph, x, *cut.quantization);
  if (!cut.direction.empty()) {
    const Tensor direction = graph.constant("direction", {1, x.dim(-1)}, cut.direction);
    return project_out(graph, x, direction, cut.positions);
  }
  const Tensor mask = cut.largest ? token_mask(graph, largest_tokens(graph, x), x.dim(1)) : Tensor();
  Tensor y = x;
  for (Edit one : cut.edits) {
    one.token_mask = mask;
    y = edit(graph, y, one);
  }
  return y;
}

}  // namespace ablate
