// Muon against its definition in double precision.
#include "ops/muon.h"

#include "graph/executor.h"
#include "support/device.h"
#include "support/op_run.h"
#include "support/op_test.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

using Numbers = Array<double>;

Numbers transposed(const Numbers& x) {
  Numbers y({x.shape[1], x.shape[0]});
  for (std::uint32_t i = 0; i < x.shape[0]; ++i)
    for (std::uint32_t j = 0; j < x.shape[1]; ++j) y(j, i) = x(i, j);
  return y;
}

Numbers product(const Numbers& a, const Numbers& b) {
  Numbers y({a.shape[0], b.shape[1]});
  for (std::uint32_t i = 0; i < a.shape[0]; ++i)
    for (std::uint32_t k = 0; k < a.shape[1]; ++k)
      for (std::uint32_t j = 0; j < b.shape[1]; ++j) y(i, j) += a(i, k) * b(k, j);
  return y;
}

Numbers orthogonalised(const Numbers& u, int steps) {
  if (u.shape[0] > u.shape[1]) return transposed(orthogonalised(transposed(u), steps));
  Numbers x = u;
  double squares = 0;
  for (const double value : u.data) squares += value * value;
  for (double& value : x.data) value /= std::max(std::sqrt(squares), 1e-7);
  for (int step = 0; step < steps; ++step) {
    const Numbers y = product(x, transposed(x)), y2 = product(y, y);
    Numbers factor = y;
    for (std::size_t i = 0; i < y.data.size(); ++i) factor.data[i] = -4.7750 * y.data[i] + 2.0315 * y2.data[i];
    const Numbers more = product(factor, x);
    for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = 3.4445 * x.data[i] + more.data[i];
  }
  return x;
}

Numbers drawn(std::uint32_t rows, std::uint32_t columns, double scale, std::uint64_t seed) {
  Normal normal(seed);
  Numbers x({rows, columns});
  for (double& value : x.data) value = static_cast<double>(static_cast<float>(scale * normal()));
  return x;
}

std::vector<float> floats(const Numbers& x) { return {x.data.begin(), x.data.end()}; }

// A step triples the error of the one before at most, and adds that of three sums of as many terms as the matrix is wide.
double tolerance(std::uint32_t rows, std::uint32_t columns, int steps) {
  return std::pow(3.4445, steps) * 4 * std::sqrt(std::max(rows, columns)) * unit_roundoff(DType::f32);
}

}  // namespace

TEST_CASE("muon: directions are made orthogonal") {
  for (const auto& [rows, columns] :
       std::vector<std::pair<std::uint32_t, std::uint32_t>>{{1, 1}, {3, 7}, {7, 3}, {40, 40}, {17, 130}, {150, 12}})
    for (const int steps : {1, 5}) {
      CAPTURE(rows);
      CAPTURE(columns);
      const Numbers u = drawn(rows, columns, 3, 5);
      Graph graph(pipelines().device().caps());
      const Tensor in = graph.input("u", {rows, columns}, DType::f32);
      const Tensor out = graph.keep(newton_schulz(graph, in, steps));
      Executor executor(pipelines(), graph, ExecutorOptions{.guard = true});
      executor.write_floats(in, floats(u));
      executor.run();
      executor.check_guards();
      compare("x", orthogonalised(u, steps).data, executor.read_floats(out), tolerance(rows, columns, steps), 1.0);
    }
}

TEST_CASE("muon follows its formulas, skipped steps and 16-bit copies included") {
  const MuonOptions options{.momentum = 0.9, .weight_decay = 0.3, .steps = 5};
  for (const auto& [rows, columns] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{{9, 20}, {20, 9}})
    for (const DType type : float_types) {
      if (!can_store("muon with a mirror in " + std::string(name_of(type)), type)) continue;
      Graph graph(pipelines().device().caps());
      const std::uint32_t count = rows * columns;
      OptimizerArenas arenas{graph.input("x", {count}, DType::f32), graph.input("g", {count}, DType::f32),
                             graph.input("m", {count}, DType::f32)};
      if (type != DType::f32) arenas.mirror = graph.input("mirror", {count}, type);
      const Tensor state = graph.input("state", {4}, DType::i32), lr = graph.input("lr", {1}, DType::f32);
      const StepControl control = step_control(graph, {arenas.gradients}, state, {.clip = 0.5});
      muon(graph, arenas, rows, columns, control, lr, options);
      Executor executor(pipelines(), graph, ExecutorOptions{.guard = true});
      Numbers x = drawn(rows, columns, 1, 1), m({rows, columns});
      const StepState start{2.0f};
      executor.write(state, std::as_bytes(std::span(&start, 1)));
      executor.write_floats(arenas.parameters, floats(x));
      executor.write_floats(arenas.m, floats(m));
      executor.write_floats(lr, std::vector<float>{0.25f});
      for (int step = 0; step < 4; ++step) {
        Numbers g = drawn(rows, columns, 1, 10 + static_cast<std::uint64_t>(step));
        const bool skipped = step == 2;
        if (skipped) g.data[5] = std::numeric_limits<double>::infinity();
        executor.write_floats(arenas.gradients, floats(g));
        executor.run();
        executor.check_guards();
        if (skipped) continue;
        double squares = 0;
        for (const double value : g.data) squares += value * value / 4;
        const double factor = std::min(1.0, 0.5 / (std::sqrt(squares) + 1e-6)) / 2;
        Numbers u = g;
        for (std::size_t i = 0; i < u.data.size(); ++i) {
          const double gradient = factor * g.data[i];
          m.data[i] += (1 - options.momentum) * (gradient - m.data[i]);
          u.data[i] = gradient + options.momentum * (m.data[i] - gradient);
        }
        const Numbers o = orthogonalised(u, options.steps);
        for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = x.data[i] * (1 - 0.25 * 0.3) - 0.25 * 0.2 * std::sqrt(20.0) * o.data[i];
      }
      const double close = 4 * tolerance(rows, columns, options.steps);
      compare("x", x.data, executor.read_floats(arenas.parameters), close, 1.0);
      compare("m", m.data, executor.read_floats(arenas.m), 32 * unit_roundoff(DType::f32));
      if (type == DType::f32) continue;
      const std::vector<float> values = executor.read_floats(arenas.parameters), copy = executor.read_floats(arenas.mirror);
      for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(copy[i] == round_to(type, values[i]));
    }
}
