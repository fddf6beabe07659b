#include "ops/muon.h"

#include "ops/add.h"
#include "ops/matmul.h"
#include "ops/rows.h"
#include "ops/scale.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

Tensor direction(Graph& graph, const OptimizerArenas& arenas, const StepControl& control, double momentum) {
  const Tensor u = graph.like(arenas.m);
  graph.dispatch({.shader = "optimizer/muon_direction",
                  .push = {arenas.gradients, arenas.m, u, control.values, u.size(), momentum},
                  .items = u.size(),
                  .cost = {.flop = 6.0 * static_cast<double>(u.size()), .bytes = 4.0 * static_cast<double>(u.bytes())}});
  return u;
}

// u / max(|u|, 1e-7)
Tensor normalised(Graph& graph, const Tensor& u) {
  const std::uint64_t chunks = std::clamp<std::uint64_t>(u.size() / 8192, 1, 256), each = ((u.size() + chunks - 1) / chunks + 3) / 4 * 4;
  const auto used = static_cast<std::uint32_t>((u.size() + each - 1) / each);
  const Tensor partial = graph.tensor({used}, DType::f32), x = graph.like(u);
  graph.dispatch({.shader = "optimizer/sum_squares",
                  .push = {u, partial, u.size(), used, each},
                  .rows = used,
                  .cost = {.flop = 2.0 * static_cast<double>(u.size()), .bytes = static_cast<double>(u.bytes())}});
  graph.dispatch({.shader = "optimizer/muon_normalise",
                  .push = {u, partial, x, u.size(), used},
                  .items = u.size(),
                  .cost = {.flop = static_cast<double>(u.size()), .bytes = 2.0 * static_cast<double>(u.bytes())}});
  return x;
}

}  // namespace

Tensor newton_schulz(Graph& graph, const Tensor& u, int steps) {
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  require(u.shape.size() == 2 && u.dtype == DType::f32, "newton_schulz: expected an f32 matrix, found {} {}", name_of(u.dtype),
          to_string(u.shape));
  const bool tall = u.dim(0) > u.dim(1);
  Tensor x = normalised(graph, u);
  for (int step = 0; step < steps; ++step) {
    const Tensor y = matmul(graph, x, x, tall ? Layout::tn : Layout::nt);
    const Tensor factor = add(graph, scale(graph, y, b), scale(graph, matmul(graph, y, y, Layout::nn), c));
    x = add(graph, scale(graph, x, a), tall ? matmul(graph, x, factor, Layout::nn) : matmul(graph, factor, x, Layout::nn));
  }
  return x;
}

void muon(Graph& graph, const OptimizerArenas& arenas, std::uint32_t rows, std::uint32_t columns, const StepControl& control,
          const Tensor& lr, const MuonOptions& options) {
  const std::uint64_t count = std::uint64_t{rows} * columns;
  for (const Tensor* x : {&arenas.parameters, &arenas.gradients, &arenas.m})
    require(*x && x->dtype == DType::f32 && x->size() == count, "muon: expected f32 of {} x {} elements, found {} {}", rows, columns,
            name_of(x->dtype), to_string(x->shape));
  require(count <= graph.caps().max_elements, "muon: no kernel can index the {} x {} elements of a matrix", rows, columns);
  const Tensor u = graph.reshape(direction(graph, arenas, control, options.momentum), {rows, columns});
  const Tensor o = newton_schulz(graph, u, options.steps);
  graph.dispatch({.shader = "optimizer/muon_update",
                  .push = {arenas.parameters, o, arenas.mirror, control.values, lr, o.size(), options.weight_decay,
                           0.2 * std::sqrt(static_cast<double>(std::max(rows, columns)))},
                  .items = o.size(),
                  .constants = {{"DTYPE", static_cast<std::uint32_t>(arenas.mirror ? arenas.mirror.dtype : DType::f32)}},
                  .cost = {.flop = 4.0 * static_cast<double>(count), .bytes = 12.0 * static_cast<double>(count)}});
}

}  // namespace ablate
