#include "ops/optimizer.h"

#include "ops/rows.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

void require_floats(const char* what, const Tensor& x, std::uint64_t count) {
  require(x && x.dtype == DType::f32 && x.size() == count, "optimizer: {} must be f32 of {} elements, is {} {}", what, count,
          name_of(x.dtype), to_string(x.shape));
}

void require_arenas(const OptimizerArenas& arenas, bool second_moment) {
  const std::uint64_t count = arenas.parameters.size();
  require_floats("parameters", arenas.parameters, count);
  require_floats("gradients", arenas.gradients, count);
  require_floats("m", arenas.m, count);
  if (second_moment) require_floats("v", arenas.v, count);
  const bool half = arenas.mirror.dtype == DType::f16 || arenas.mirror.dtype == DType::bf16;
  require(!arenas.mirror || (half && arenas.mirror.size() == count), "optimizer: the mirror must be f16 or bf16 of {} elements, is {} {}",
          count, name_of(arenas.mirror.dtype), to_string(arenas.mirror.shape));
}

float from_bits(std::uint64_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits)); }

struct Boundaries {
  Tensor table;
  std::uint32_t count;
};

// A run of an arena's elements, few enough for one launch.
struct Piece {
  std::uint64_t first, count;

  OptimizerArenas of(OptimizerArenas arenas) const {
    for (Tensor* x : {&arenas.parameters, &arenas.gradients, &arenas.m, &arenas.v, &arenas.mirror})
      if (*x) *x = x->elements(first, count);
    return arenas;
  }
};

std::vector<Piece> arena_pieces(const Graph& graph, std::uint64_t count) {
  constexpr std::uint64_t step = 64;  // so that every vector access stays aligned
  const std::uint64_t each = std::max(graph.caps().max_elements / step * step, step);
  std::vector<Piece> pieces;
  for (std::uint64_t first = 0; first < count; first += each) pieces.push_back({first, std::min(each, count - first)});
  return pieces;
}

void require_runs(const OptimizerOptions& options, std::uint64_t parameters) {
  std::uint64_t before = 0;
  for (const auto& [offset, count] : options.decayed) {
    require(offset % 4 == 0 && (count % 4 == 0 || offset + count == parameters),
            "optimizer: decay of {} elements from {} does not fall on multiples of 4", count, offset);
    require(offset <= parameters && count <= parameters - offset && offset >= before,
            "optimizer: decay of {} elements from {} is out of order or beyond the {} parameters", count, offset, parameters);
    before = offset + count;
  }
}

// Where decay is switched on and off in a piece, counted from its start; adjoining runs merged.
Boundaries decay_boundaries(Graph& graph, const OptimizerOptions& options, const Piece& piece) {
  std::vector<std::uint64_t> at;
  for (const auto& [offset, count] : options.decayed) {
    const std::uint64_t begin = std::max(offset, piece.first), end = std::min(offset + count, piece.first + piece.count);
    if (begin >= end) continue;
    if (!at.empty() && at.back() == begin - piece.first) at.back() = end - piece.first;
    else at.insert(at.end(), {begin - piece.first, end - piece.first});
  }
  if (at.empty()) at = {0, 0};
  std::vector<float> bits(at.size());
  std::transform(at.begin(), at.end(), bits.begin(), from_bits);
  const std::uint32_t size = dimension(at.size(), "optimizer: decay boundaries");
  return {graph.constant("decay boundaries", {size}, std::move(bits)), size};
}

// 1 - beta1^t and sqrt(1 - beta2^t) for t = 1, 2, ... until both round to 1: computed in double, looked up by the device, which counts the
// steps.
Tensor bias_corrections(Graph& graph, const OptimizerOptions& options) {
  constexpr std::uint64_t longest = 1u << 22;
  const double beta = std::max(options.beta1, options.beta2);
  require(options.beta1 >= 0 && options.beta2 >= 0 && beta < 1, "adamw: betas are {} and {}, must be at least 0 and below 1", options.beta1,
          options.beta2);
  const double steps = beta > 0 ? std::ceil(-26 * std::log(2.0) / std::log(beta)) : 1;
  require(steps <= static_cast<double>(longest), "adamw: a beta of {} is too close to 1", beta);
  std::vector<float> table;
  for (double t = 1; t <= std::max(steps, 1.0); ++t) {
    table.push_back(static_cast<float>(-std::expm1(t * std::log(options.beta1))));
    table.push_back(static_cast<float>(std::sqrt(-std::expm1(t * std::log(options.beta2)))));
  }
  const auto rows = static_cast<std::uint32_t>(table.size() / 2);  // at most `longest`
  return graph.constant("bias corrections", {rows, 2}, std::move(table));
}

// How an arena is cut for its partial sums.
struct Chunks {
  std::uint64_t count, each;
  explicit Chunks(std::uint64_t size) {
    const std::uint64_t wanted = std::clamp<std::uint64_t>(size / 8192, 1, 1024);
    each = ((size + wanted - 1) / wanted + 3) / 4 * 4;
    count = (size + each - 1) / each;
  }
};

Tensor sum_squares(Graph& graph, const std::vector<Tensor>& arenas) {
  std::vector<Tensor> parts;
  for (const Tensor& x : arenas)
    for (const Piece& piece : arena_pieces(graph, x.size())) parts.push_back(x.elements(piece.first, piece.count));
  std::uint64_t all = 0;
  for (const Tensor& x : parts) all += Chunks(x.size()).count;
  const Tensor partial = graph.tensor({dimension(all, "optimizer: parts of the gradient's norm")}, DType::f32);
  std::uint32_t first = 0;
  for (const Tensor& x : parts) {
    const Chunks chunks(x.size());
    const auto used = static_cast<std::uint32_t>(chunks.count);  // of `all`
    graph.dispatch({.shader = "optimizer/sum_squares",
                    .push = {x, graph.slice(partial, first, used), x.size(), used, chunks.each},
                    .rows = used,
                    .cost = {.flop = 2.0 * static_cast<double>(x.size()), .bytes = static_cast<double>(x.bytes())}});
    first += used;
  }
  return partial;
}

Cost update_cost(const OptimizerArenas& arenas, double moments, double flop) {
  const double count = static_cast<double>(arenas.parameters.size());
  return {.flop = flop * count, .bytes = (4 + 8 * (1 + moments)) * count + static_cast<double>(arenas.mirror ? arenas.mirror.bytes() : 0)};
}

Specialization update_constants(const OptimizerArenas& arenas) {
  return {{"DTYPE", static_cast<std::uint32_t>(arenas.mirror ? arenas.mirror.dtype : DType::f32)},
          {"QUADS", starts_in_quads({arenas.parameters, arenas.gradients, arenas.m, arenas.v, arenas.mirror})}};
}

}  // namespace

Tensor loss_weight(Graph& graph, const Tensor& state, const Tensor& count) {
  const Tensor weight = graph.tensor({1}, DType::f32);
  graph.dispatch({.shader = "optimizer/loss_weight", .push = {state, count, weight}, .items = 1, .cost = {.flop = 1, .bytes = 12}});
  return weight;
}

StepControl step_control(Graph& graph, const std::vector<Tensor>& gradients, const Tensor& state, const OptimizerOptions& options) {
  for (const Tensor& arena : gradients) require_floats("gradients", arena, arena.size());
  require(state.bytes() == sizeof(StepState), "optimizer: the state must have {} bytes, has {}", sizeof(StepState), state.bytes());
  const Tensor partial = sum_squares(graph, gradients), corrections = bias_corrections(graph, options);
  const Tensor values = graph.tensor({5}, DType::f32);
  graph.dispatch({.shader = "optimizer/step_control",
                  .push = {partial, corrections, values, state, partial.dim(0), corrections.dim(0), options.clip,
                           std::uint32_t{options.dynamic_loss_scale}, options.growth, options.backoff, options.growth_interval},
                  .rows = 1,
                  .cost = {.flop = static_cast<double>(partial.size()), .bytes = static_cast<double>(partial.bytes())}});
  Tensor skipped = graph.slice(values, 2, 1);
  skipped.dtype = DType::i32;
  return {graph.slice(values, 1, 1), skipped, values};
}

void adamw(Graph& graph, const OptimizerArenas& all, const StepControl& control, const Tensor& lr, const OptimizerOptions& options) {
  require_arenas(all, true);
  require_runs(options, all.parameters.size());
  for (const Piece& piece : arena_pieces(graph, all.parameters.size())) {
    const OptimizerArenas arenas = piece.of(all);
    const Boundaries decay = decay_boundaries(graph, options, piece);
    graph.dispatch(
        {.shader = "optimizer/adamw",
         .push = {arenas.parameters, arenas.gradients, arenas.m, arenas.v, arenas.mirror, control.values, lr, decay.table, piece.count,
                  decay.count, 1 - options.beta1, options.beta2, 1 - options.beta2, options.eps, options.weight_decay},
         .items = groups_in(piece.count),
         .constants = update_constants(arenas),
         .cost = update_cost(arenas, 2, 15)});
  }
}

void sgd(Graph& graph, const OptimizerArenas& all, const StepControl& control, const Tensor& lr, const OptimizerOptions& options) {
  require_arenas(all, false);
  require_runs(options, all.parameters.size());
  for (const Piece& piece : arena_pieces(graph, all.parameters.size())) {
    const OptimizerArenas arenas = piece.of(all);
    const Boundaries decay = decay_boundaries(graph, options, piece);
    graph.dispatch({.shader = "optimizer/sgd",
                    .push = {arenas.parameters, arenas.gradients, arenas.m, arenas.mirror, control.values, lr, decay.table, piece.count,
                             decay.count, options.momentum, options.weight_decay},
                    .items = groups_in(piece.count),
                    .constants = update_constants(arenas),
                    .cost = update_cost(arenas, 1, 7)});
  }
}

void accumulate(Graph& graph, const Tensor& into, const Tensor& x) {
  require(into.dtype == DType::f32 && x.dtype == DType::f32 && into.size() == x.size(), "accumulate: {} {} and {} {}", name_of(into.dtype),
          to_string(into.shape), name_of(x.dtype), to_string(x.shape));
  graph.dispatch({.shader = "elementwise/accumulate",
                  .push = {into, x, x.size()},
                  .cut = cut_elements(x.size(), {0, 1, 2}),
                  .items = groups_in(x.size()),
                  .constants = for_elements(into, {x}),
                  .cost = {.flop = static_cast<double>(x.size()), .bytes = 3.0 * static_cast<double>(x.bytes())}});
}

}  // namespace ablate
