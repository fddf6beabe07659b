#include "ops/experts.h"

#include "graph/cut.h"
#include "ops/rows.h"

namespace ablate {
namespace {

constexpr std::uint32_t tile_rows = 8;  // ROWS of experts/product.comp and experts/weight_gradient.comp

Specialization types(const Tensor& x, DType w) {
  return {{"X_TYPE", static_cast<std::uint32_t>(x.dtype)}, {"W_TYPE", static_cast<std::uint32_t>(w)}, {"ROWS", tile_rows}};
}

/// How many slots share a row of x.
std::uint32_t shared_by(const Tensor& x, const Routing& routing) { return x.rows() == routing.slots() ? 1 : routing.chosen; }

double flop_of(const Routing& routing, std::uint64_t n, std::uint64_t k) {
  return 2.0 * routing.slots() * static_cast<double>(n) * static_cast<double>(k);
}

/// (slots, columns) = x times each expert's matrix: (columns, inner), or (inner, columns) where `transposed`.
Tensor product(Graph& graph, const Tensor& x, const Tensor& w, const Tensor& bias, const Routing& routing, std::uint32_t columns,
               bool transposed) {
  const std::uint32_t inner = x.dim(-1), tiles = routing.slots() / tile_rows + routing.experts;  // each expert's last may be partly empty
  require(!is_blocks(w.dtype) || !transposed, "expert_linear: weights kept as {} are multiplied as x W^T only", name_of(w.dtype));
  const Tensor y = graph.tensor({routing.slots(), columns}, x.dtype);
  Specialization constants = types(x, w.dtype);
  if (!is_blocks(w.dtype)) constants.emplace_back("TRANSPOSED", transposed ? 1u : 0u);
  graph.dispatch({.shader = stored_kernel("experts/product", w.dtype),
                  .push = {x, w, bias, routing.order, routing.starts, y, routing.experts, columns, inner, shared_by(x, routing), tiles},
                  .rows = std::uint64_t{tiles} * ((columns + 63) / 64),
                  .constants = std::move(constants),
                  .cost = {.flop = flop_of(routing, columns, inner), .bytes = static_cast<double>(x.bytes() + w.bytes() + y.bytes())}});
  return y;
}

/// The sum over each expert's slots of dy^T x; without x of dy.
Tensor weight_gradient(Graph& graph, const Tensor& dy, const Tensor& x, const Routing& routing, const Tensor& w) {
  const std::uint32_t rows = dy.dim(-1), columns = x ? x.dim(-1) : 1;
  const Tensor dw = graph.tensor(w.shape, graph.gradient_dtype(w));
  graph.dispatch({.shader = "experts/weight_gradient",
                  .push = {dy, x, routing.order, routing.starts, dw, routing.experts, rows, columns, x ? shared_by(x, routing) : 1u},
                  .rows = std::uint64_t{routing.experts} * ((rows + tile_rows - 1) / tile_rows) * ((columns + 63) / 64),
                  .constants = types(dy, dw.dtype),
                  .cost = {.flop = flop_of(routing, rows, columns), .bytes = static_cast<double>(dy.bytes() + x.bytes() + dw.bytes())}});
  return dw;
}

/// y (tokens, D) = the sum over a token's slots, by weights where there are any, plus the residual.
Tensor sum_of_slots(Graph& graph, const Tensor& x, const Tensor& weights, const Tensor& residual, const Routing& routing) {
  const std::uint32_t dim = x.dim(-1);
  const Tensor y = residual ? graph.like(residual) : graph.tensor({routing.tokens, dim}, x.dtype);
  graph.dispatch(
      {.shader = "experts/combine",
       .push = {x, weights, residual, y, routing.tokens, dim, routing.chosen},
       .cut = cut_along(routing.tokens, {{0, std::uint64_t{routing.chosen} * dim}, {1, routing.chosen}, {2, dim}, {3, dim}, {4, 1}}),
       .items = groups_of(routing.tokens, dim),
       .constants = for_rows(x, dim, {residual}),
       .cost = {.flop = 2.0 * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes() + y.bytes())}});
  return y;
}

Tensor weights_of(Graph& graph, const Tensor& logits, const Tensor& picked, std::uint32_t chosen, bool normed) {
  const std::uint32_t tokens = logits.rows(), experts = logits.dim(-1);
  const Tensor weights = graph.tensor({tokens, chosen}, DType::f32);
  const Specialization constants = for_type(logits) + Specialization{{"NORMED", normed ? 1u : 0u}};
  const Cost cost{.flop = (3.0 + chosen) * static_cast<double>(logits.size()), .bytes = static_cast<double>(logits.bytes())};
  graph.dispatch({.shader = "experts/route",
                  .push = {logits, picked, weights, tokens, experts, chosen},
                  .cut = cut_along(tokens, {{0, experts}, {1, chosen}, {2, chosen}, {3, 1}}),
                  .items = tokens,
                  .constants = constants,
                  .cost = cost});
  return graph.differentiable(weights, {logits}, [=](Graph& g, const Tensor& dy) {
    const Tensor dlogits = g.like(logits);
    g.dispatch({.shader = "experts/route_backward",
                .push = {logits, picked, weights, dy, dlogits, tokens, experts, chosen},
                .cut = cut_along(tokens, {{0, experts}, {1, chosen}, {2, chosen}, {3, chosen}, {4, experts}, {5, 1}}),
                .items = tokens,
                .constants = constants,
                .cost = cost});
    return std::vector<Tensor>{dlogits};
  });
}

}  // namespace

Routing route(Graph& graph, const Tensor& logits, std::uint32_t chosen, bool normed) {
  const std::uint32_t tokens = logits.rows(), experts = logits.dim(-1);
  require(chosen >= 1 && chosen <= experts, "route: {} of {} experts are to be chosen", chosen, experts);
  const std::uint32_t slots =
      dimension(std::uint64_t{tokens} * chosen, fmt::format("slots of {} tokens and {} experts each", tokens, chosen));
  Routing routing;
  routing.tokens = tokens, routing.experts = experts, routing.chosen = chosen;
  routing.picked = graph.tensor({tokens, chosen}, DType::i32);
  routing.weights = weights_of(graph, logits, routing.picked, chosen, normed);
  routing.order = graph.tensor({slots}, DType::i32);
  routing.starts = graph.tensor({experts + 1}, DType::i32);
  graph.dispatch({.shader = "experts/order",
                  .push = {routing.picked, routing.order, routing.starts, slots, experts},
                  .rows = experts,
                  .cost = {.bytes = 4.0 * slots * experts}});
  return routing;
}

Tensor expert_linear(Graph& graph, const Tensor& x, const Matrix& w, const Routing& routing, const Tensor& bias) {
  const std::uint64_t rows = w.rows() / routing.experts;
  require(w.is_matrix() && w.columns() == x.dim(-1) && w.rows() == rows * routing.experts && rows > 0,
          "expert_linear: x is {} {}, the matrices of {} experts {}", name_of(x.dtype), to_string(x.shape), routing.experts, to_string(w));
  require(x.rows() == routing.tokens || x.rows() == routing.slots(), "expert_linear: x has {} rows; {} tokens have {} slots", x.rows(),
          routing.tokens, routing.slots());
  require(w.whole(), "expert_linear: the experts' matrices {} are more than one allocation of this device holds", to_string(w));
  require(!bias || (bias.size() == w.rows() && bias.dtype == DType::f32), "expert_linear: a bias of {} {} for matrices {}",
          name_of(bias.dtype), to_string(bias.shape), to_string(w));
  const Tensor matrix = w.parts.front();
  const Tensor y = product(graph, x, matrix, bias, routing, static_cast<std::uint32_t>(rows), false);
  std::vector<Tensor> inputs = {x, matrix};
  if (bias) inputs.push_back(bias);
  return graph.differentiable(y, inputs, [=](Graph& g, const Tensor& dy) {
    Tensor dx;
    if (g.wants_gradient(x)) {
      dx = product(g, dy, matrix, {}, routing, x.dim(-1), true);
      if (shared_by(x, routing) > 1) dx = sum_of_slots(g, dx, {}, {}, routing);
      dx.shape = x.shape;
    }
    std::vector<Tensor> gradients = {dx, g.wants_gradient(matrix) ? weight_gradient(g, dy, x, routing, matrix) : Tensor()};
    if (bias) gradients.push_back(g.wants_gradient(bias) ? weight_gradient(g, dy, {}, routing, bias) : Tensor());
    return gradients;
  });
}

Tensor combine_experts(Graph& graph, const Tensor& x, const Routing& routing, const Tensor& residual) {
  require(x.rows() == routing.slots(), "combine_experts: {} rows for {} slots", x.rows(), routing.slots());
  require(!residual || (residual.rows() == routing.tokens && residual.dim(-1) == x.dim(-1) && residual.dtype == x.dtype),
          "combine_experts: the residual is {} {}, the experts' outputs {} {}", name_of(residual.dtype), to_string(residual.shape),
          name_of(x.dtype), to_string(x.shape));
  const Tensor y = sum_of_slots(graph, x, routing.weights, residual, routing);
  std::vector<Tensor> inputs = {x, routing.weights};
  if (residual) inputs.push_back(residual);
  return graph.differentiable(y, inputs, [=](Graph& g, const Tensor& dy) {
    const Tensor dx = g.like(x), dweights = g.like(routing.weights);
    const Team team = team_for(g.caps(), x.dim(-1));
    const std::uint64_t of_token = std::uint64_t{routing.chosen} * x.dim(-1);
    g.dispatch(
        {.shader = "experts/combine_backward",
         .push = {x, routing.weights, dy, dx, dweights, routing.tokens, x.dim(-1), routing.chosen},
         .cut = cut_along(routing.tokens, {{0, of_token}, {1, routing.chosen}, {2, x.dim(-1)}, {3, of_token}, {4, routing.chosen}, {5, 1}}),
         .items = std::uint64_t{routing.slots()} * team.lanes,
         .constants = for_rows(x, x.dim(-1), {dy, dx}) + team.constants,
         .cost = {.flop = 3.0 * static_cast<double>(x.size()), .bytes = 3.0 * static_cast<double>(x.bytes())}});
    std::vector<Tensor> gradients = {dx, dweights};
    if (residual) gradients.push_back(dy);
    return gradients;
  });
}

}  // namespace ablate
