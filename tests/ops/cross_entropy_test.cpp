#include "ops/cross_entropy.h"

#include "graph/executor.h"
#include "ops/add.h"
#include "support/device.h"
#include "support/op_run.h"
#include "support/op_test.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

// -log softmax(logits)[target], 0 for a negative target.
template <class A, class B>
A losses_of(const A& logits, const B& targets) {
  const std::size_t rows = logits.shape[0], vocabulary = logits.shape[1];
  A losses({logits.shape[0]});
  for (std::size_t n = 0; n < rows; ++n) {
    const int target = static_cast<int>(value_of(targets.data[n]));
    if (target < 0) continue;
    using std::max;
    auto top = logits.data[n * vocabulary], sum = top * 0.0;
    for (std::size_t v = 1; v < vocabulary; ++v) top = max(top, logits.data[n * vocabulary + v]);
    for (std::size_t v = 0; v < vocabulary; ++v) sum += exp(logits.data[n * vocabulary + v] - top);
    losses.data[n] = log(sum) + top - logits.data[n * vocabulary + static_cast<std::size_t>(target)];
  }
  return losses;
}

// Every seventh position is not counted.
std::function<double(std::size_t)> targets_below(std::uint32_t vocabulary) {
  return [vocabulary](std::size_t n) { return n % 7 == 3 ? -1.0 : static_cast<double>((n * 2654435761u + vocabulary - 1) % vocabulary); };
}

template <class A>
A product_nt(const A& h, const A& w) {
  const std::size_t dim = w.shape[1], vocabulary = w.shape[0], rows = h.data.size() / dim;
  A logits({static_cast<std::uint32_t>(rows), w.shape[0]});
  for (std::size_t n = 0; n < rows; ++n)
    for (std::size_t v = 0; v < vocabulary; ++v)
      for (std::size_t d = 0; d < dim; ++d) logits.data[n * vocabulary + v] += h.data[n * dim + d] * w.data[v * dim + d];
  return logits;
}

// The gradients of scale * sum(losses), by differentiating the reference on the tape.
struct Expected {
  std::vector<double> losses, dh, dw;
};
Expected expected_of(const Array<double>& h, const Array<double>& w, const Array<double>& targets, double scale, double softcap) {
  Var::clear();
  Array<Var> vh(h.shape), vw(w.shape);
  for (std::size_t i = 0; i < h.data.size(); ++i) vh.data[i] = Var::leaf(h.data[i]);
  for (std::size_t i = 0; i < w.data.size(); ++i) vw.data[i] = Var::leaf(w.data[i]);
  Array<Var> logits = product_nt(vh, vw);
  for (Var& logit : logits.data)
    if (softcap > 0) logit = tanh(logit / softcap) * softcap;
  const Array<Var> losses = losses_of(logits, targets);
  Expected e;
  Var total(0);
  for (const Var& loss : losses.data) total += loss * Var(scale), e.losses.push_back(loss.value());
  const std::vector<double> gradients = Var::gradients(total);
  for (const Var& x : vh.data) e.dh.push_back(gradients.at(x.node()));
  for (const Var& x : vw.data) e.dw.push_back(gradients.at(x.node()));
  Var::clear();
  return e;
}

Array<double> random_array(Shape shape, DType type, double scale, std::uint64_t seed) {
  Array<double> x(std::move(shape));
  Normal normal(seed);
  for (double& value : x.data) value = static_cast<double>(round_to(type, static_cast<float>(scale * normal())));
  return x;
}

std::vector<float> floats(const std::vector<double>& x) { return {x.begin(), x.end()}; }

// What the gradient of one logit may be off by, from what it is made of: exp(x - top) * (scale / sum), minus scale where the row's target is,
// stored. In units of 2^-24, relative to the softmax part:
//   exp of a difference d rounds d (d units of its result) and is within 3 + 2 |d| ulp (Vulkan; an ulp is at most 2 units): 6 + 5 d;
//   the sum has every term's such error, by its weight; at least four lanes of four add it, so that a term passes at most n / 4 + 64 additions,
//   each with a rescaling by exp(0), 3 ulp more: 7 units; the division is within 2.5 ulp, the products round twice: 7 units.
// What is left is the subtraction and the storage's rounding, relative to the gradient itself, and what underflows: half the smallest
// number of f16, and in 8-bit exponents what a device may flush to zero.
struct GradientBound {
  const double* row;
  std::size_t vocabulary, target;
  double scale;
  DType type;
  double top = 0, sum = 0, sum_units = 0;

  GradientBound(const double* logits, std::size_t n, int hot, double weight, DType stored)
      : row(logits), vocabulary(n), target(static_cast<std::size_t>(std::max(hot, 0))), scale(hot < 0 ? 0.0 : weight), type(stored) {
    top = *std::max_element(row, row + n);
    for (std::size_t v = 0; v < n; ++v) {
      const double term = std::exp(row[v] - top);
      sum += term;
      sum_units += term * (6 + 5 * (top - row[v]));
    }
    sum_units = sum_units / sum + 7 * (static_cast<double>(n) / 4 + 64);
  }

  double softmax(std::size_t v) const { return std::exp(row[v] - top) / sum; }
  double expected(std::size_t v) const { return scale * (softmax(v) - (v == target ? 1.0 : 0.0)); }
  double allowed(std::size_t v) const {
    const double units = 6 + 5 * (top - row[v]) + sum_units + 7, tiny = type == DType::f16 ? 0x1p-25 : 0x1p-126;
    return units * 0x1p-24 * std::abs(scale) * softmax(v) + (unit_roundoff(type) + 0x1p-24) * std::abs(expected(v)) + tiny;
  }
};

// Every class, the cold ones too: a bound that is relative to the largest gradient cannot see them.
void check_gradients(const std::string& name, const Array<double>& logits, const Array<double>& targets, const std::vector<double>& scales,
                     DType type, const std::vector<float>& gradients) {
  const std::size_t rows = logits.shape[0], n = logits.shape[1];
  REQUIRE(gradients.size() == rows * n);
  double worst = 0;
  std::size_t off = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const int target = static_cast<int>(targets.data[r]);
    const GradientBound bound(&logits.data[r * n], n, target, scales[r], type);
    for (std::size_t v = 0; v < n; ++v) {
      const double got = gradients[r * n + v], error = std::abs(got - bound.expected(v));
      if (target < 0) CHECK_MESSAGE(got == 0, name, ": row ", r, " is not counted, class ", v, " has a gradient of ", got);
      if (!(error <= bound.allowed(v))) ++off;
      worst = std::max(worst, std::isnan(error) ? INFINITY : error / bound.allowed(v));
    }
  }
  CHECK_MESSAGE(worst <= 1, name, ": ", off, " gradients of ", rows * n, " are off, the worst by ", worst, " times what is allowed");
}

}  // namespace

TEST_CASE("cross_entropy") {
  for (const DType type : float_types) {
    for (const Shape& shape : {Shape{1, 1}, {2, 3}, {5, 64}, {9, 33}, {70, 7}, {3, 4097}, {2, 9000}}) {
      // Losses are f32 from the stored logits: errors of exp (3 + 2 |x| units of 2^-24 in Vulkan, |x| up to 20 where it counts little) and
      // of the sum. The gradient is rounded to the type, and is at most 1 where the hot entry cancels, so errors are measured against 1.
      const double f32 = unit_roundoff(DType::f32);
      check_op(
          "cross_entropy " + std::string(name_of(type)) + " " + to_string(shape),
          {{shape, type, true, 3.0}, {{shape[0]}, DType::i32, false, 1.0, targets_below(shape[1])}},
          [](const auto& in) { return losses_of(in[0], in[1]); }, [](Graph& g, const auto& in) { return cross_entropy(g, in[0], in[1]); },
          {32 * f32, 2 * unit_roundoff(type) + 32 * f32, 1.0});
    }
  }
}

TEST_CASE("cross_entropy of extreme logits") {
  // The largest logit is far above the rest: no overflow, a loss of 0 for it and the plain difference for others.
  const auto fill = [](std::size_t i) { return i % 5 == 2 ? 80.0 : -80.0 - static_cast<double>(i); };
  check_op(
      "cross_entropy extreme",
      {{{3, 5}, DType::f32, false, 1.0, fill}, {{3}, DType::i32, false, 1.0, [](std::size_t n) { return 2.0 - static_cast<double>(n); }}},
      [](const auto& in) { return losses_of(in[0], in[1]); }, [](Graph& g, const auto& in) { return cross_entropy(g, in[0], in[1]); },
      {1e-6, 0});
}

TEST_CASE("linear_cross_entropy, in chunks, with its gradients") {
  struct Size {
    std::uint32_t batch, tokens, dim, vocabulary;
  };
  const float scale = 0.75f;
  for (const DType type : float_types) {
    if (!can_store("linear_cross_entropy " + std::string(name_of(type)), type)) continue;
    for (const Size& s : {Size{1, 1, 1, 2}, {1, 3, 5, 7}, {2, 9, 12, 33}, {1, 700, 4, 6}}) {
      const std::uint32_t rows = s.batch * s.tokens;
      const std::string name = "linear_cross_entropy " + std::string(name_of(type)) + " of " + std::to_string(rows) + " rows";
      const Array<double> h = random_array({s.batch, s.tokens, s.dim}, type, 1, 1),
                          w = random_array({s.vocabulary, s.dim}, type, 1 / std::sqrt(s.dim), 2);
      Array<double> targets({rows});
      for (std::size_t n = 0; n < rows; ++n) targets.data[n] = targets_below(s.vocabulary)(n);
      for (const float softcap : {0.0f, 1.5f})
        for (const bool gradients : {false, true})
          for (const bool in_parts : {false, true}) {  // the weight's first row apart from the others
            if (in_parts && s.vocabulary < 3) continue;
            const Expected expected = expected_of(h, w, targets, scale, softcap);
            CAPTURE(softcap);
            CAPTURE(name);
            CAPTURE(gradients);
            CAPTURE(in_parts);
            Graph graph(pipelines().device().caps());
            const Tensor th = graph.input("h", h.shape, type), tt = graph.input("targets", {rows}, DType::i32);
            const Tensor ts = graph.input("scale", {1}, DType::f32);
            std::vector<Tensor> tw;
            for (const std::uint32_t part :
                 in_parts ? std::vector<std::uint32_t>{1, s.vocabulary - 1} : std::vector<std::uint32_t>{s.vocabulary})
              tw.push_back(graph.input("w", {part, s.dim}, type));
            if (gradients) graph.require_gradient(th);
            for (const Tensor& part : tw)
              if (gradients) graph.require_gradient(part);
            const Tensor losses = graph.keep(
                linear_cross_entropy(graph, th, Matrix(tw), tt, ts, 1, softcap).losses);  // one byte: the smallest chunks, of 256 rows
            if (gradients) {
              graph.backward(losses, graph.tensor(losses.shape, DType::f32), [](Graph&, const Tensor& a, const Tensor&) { return a; });
              graph.keep(graph.gradient(th));
              for (const Tensor& part : tw) CHECK(graph.keep(graph.gradient(part)).dtype == DType::f32);
            }
            const std::vector<float> all_w = floats(w.data);
            const auto executor = run_both_ways(graph, [&](Executor& to) {
              to.write_floats(th, floats(h.data)), to.write_floats(ts, std::vector<float>{scale});
              for (std::size_t i = 0, at = 0; i < tw.size(); at += tw[i++].size())
                to.write_floats(tw[i], std::span(all_w).subspan(at, tw[i].size()));
              to.write_ints(tt, std::vector<std::int32_t>(targets.data.begin(), targets.data.end()));
            });
            // Logits of size 1 to 3 are rounded to the type where gradients are wanted, which moves losses and softmax by as much; a gradient
            // sums over the vocabulary or over the rows, whose roundings are independent.
            const double f32 = unit_roundoff(DType::f32), logit = gradients ? 4 * unit_roundoff(type) : 0;
            compare(name + ": losses", expected.losses, executor->read_floats(losses), logit + 32 * f32, 1.0);
            if (!gradients) continue;
            compare(name + ": dh", expected.dh, executor->read_floats(graph.gradient(th)), 2 * logit + 64 * f32, scale);
            std::vector<float> dw;
            for (const Tensor& part : tw)
              for (const float x : executor->read_floats(graph.gradient(part))) dw.push_back(x);
            compare(name + ": dw", expected.dw, dw, 2 * logit + 64 * f32, scale);
          }
    }
  }
}

// Logits over some thirty nats, so that classes are as cold as 1e-13 beside the hottest.
double wide_logit(std::size_t i) { return 15 * std::sin(static_cast<double>(i * 2654435761u % 100003)) - (i % 5 == 0 ? 4.0 : 0.0); }

TEST_CASE("cross_entropy: the gradient of every class, relative to itself") {
  for (const DType type : float_types) {
    if (!can_store("gradients of every class in " + std::string(name_of(type)), type)) continue;
    for (const Shape& shape : {Shape{4, 33}, {3, 64}, {2, 4097}}) {
      const std::string name = "cross_entropy of every class " + std::string(name_of(type)) + " " + to_string(shape);
      if (!can_reach(name, shape[1])) continue;
      const std::vector<Array<double>> data = random_inputs({{shape, type, true, 1.0, wide_logit},
                                                             {{shape[0]}, DType::i32, false, 1.0, targets_below(shape[1])},
                                                             {{shape[0]}, DType::f32, false, 1.0}});
      const auto results = run_op({{shape, type}, {{shape[0]}, DType::i32}, {{shape[0]}, DType::f32}}, data, [](Graph& g, const auto& in) {
        g.require_gradient(in[0]);
        backward(g, cross_entropy(g, in[0], in[1]), in[2]);
        return std::vector<Tensor>{g.gradient(in[0])};
      });
      check_gradients(name, data[0], data[1], data[2].data, type, {results[0].begin(), results[0].end()});
    }
  }
}

// Rows of h are those of a unit matrix: logits are the weights, and the weights' gradient is that of the logits, which are never seen.
TEST_CASE("linear_cross_entropy: the gradient of every class, relative to itself") {
  for (const DType type : float_types) {
    if (!can_store("gradients of every class in " + std::string(name_of(type)), type)) continue;
    const std::uint32_t rows = 24, vocabulary = 1030;
    if (!can_reach("linear_cross_entropy of every class " + std::string(name_of(type)), rows * vocabulary)) continue;
    const auto unit = [&](std::size_t i) { return i / rows == i % rows ? 1.0 : 0.0; };
    const std::vector<OpInput> inputs = {{{1, rows, rows}, type, true, 1.0, unit},
                                         {{vocabulary, rows}, type, true, 1.0, wide_logit},
                                         {{rows}, DType::i32, false, 1.0, targets_below(vocabulary)},
                                         {{1}, DType::f32, false, 1.0, [](std::size_t) { return 0.75; }}};
    const std::vector<Array<double>> data = random_inputs(inputs);
    const auto results = run_op(inputs, data, [](Graph& g, const auto& in) {
      g.require_gradient(in[1]);
      const Tensor losses = linear_cross_entropy(g, in[0], in[1], in[2], in[3], 1).losses;
      backward(g, losses, losses);
      return std::vector<Tensor>{g.gradient(in[1])};
    });
    Array<double> logits({rows, vocabulary});
    std::vector<float> gradients(logits.data.size());
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t v = 0; v < vocabulary; ++v) {
        logits.data[r * vocabulary + v] = data[1].data[v * rows + r];
        gradients[r * vocabulary + v] = static_cast<float>(results[0][v * rows + r]);
      }
    check_gradients("linear_cross_entropy " + std::string(name_of(type)), logits, data[2], std::vector<double>(rows, 0.75), type,
                    gradients);
  }
}

TEST_CASE("mean_loss") {
  for (const std::uint32_t rows : {1u, 3u, 100u, 5000u}) {
    check_op(
        "mean_loss " + std::to_string(rows), {{{rows}, DType::f32, false}, {{1}, DType::f32, false, 1.0, [](std::size_t) { return 3.0; }}},
        [](const auto& in) {
          auto mean = in[1];
          mean.data[0] = mean.data[0] * 0.0;
          for (const auto& loss : in[0].data) mean.data[0] += loss / in[1].data[0];
          return mean;
        },
        [](Graph& g, const auto& in) { return mean_loss(g, in[0], in[1]); },
        {4 * std::sqrt(rows) * unit_roundoff(DType::f32), 0, std::sqrt(rows)});
  }
}
