#include "ops/largest_token.h"

#include "ops/statistics/top_entries.h"

namespace ablate {

Tensor largest_tokens(Graph& graph, const Tensor& x) {
  require(x.shape.size() == 3, "largest_tokens: expected (B, T, C), found {}", to_string(x.shape));
  return top_entries(graph, top_channels(graph, x, 1), x.dim(0)).rows;
}

Tensor token_mask(Graph& graph, const Tensor& tokens, std::uint32_t time) {
  const Tensor mask = graph.tensor({tokens.dim(0), time}, DType::f32);
  graph.dispatch({.shader = "edit/token_mask",
                  .push = {tokens, mask, mask.size(), time},
                  .cut = cut_along(tokens.dim(0), {{0, 1}, {1, time}, {2, time}}),
                  .items = mask.size(),
                  .cost = {.bytes = static_cast<double>(mask.bytes())}});
  return mask;
}

Tensor take_tokens(Graph& graph, const Tensor& x, const Tensor& tokens) {
  require(x.shape.size() == 3 && tokens.dim(0) == x.dim(0), "take_tokens: {} of {}", to_string(tokens.shape), to_string(x.shape));
  const Tensor y = graph.tensor({x.dim(0), x.dim(2)}, DType::f32);
  graph.dispatch({.shader = "edit/take_tokens",
                  .push = {x, tokens, y, y.size(), x.dim(1), x.dim(2), tokens.dim(-1)},
                  .cut = cut_along(x.dim(0), {{0, std::uint64_t{x.dim(1)} * x.dim(2)}, {1, tokens.dim(-1)}, {2, x.dim(2)}, {3, x.dim(2)}}),
                  .items = y.size(),
                  .constants = for_type(x),
                  .cost = {.bytes = 2.0 * static_cast<double>(y.bytes())}});
  return y;
}

}  // namespace ablate
