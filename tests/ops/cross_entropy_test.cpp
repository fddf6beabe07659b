#include "ops/cross_entropy.h"

#include "support/device.h"
#include "support/op_run.h"

#include <doctest/doctest.h>

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
Expected expected_of(const Array<double>& h, const Array<double>& w, const Array<double>& targets, double scale) {
  Var::clear();
  Array<Var> vh(h.shape), vw(w.shape);
  for (std::size_t i = 0; i < h.data.size(); ++i) vh.data[i] = Var::leaf(h.data[i]);
  for (std::size_t i = 0; i < w.data.size(); ++i) vw.data[i] = Var::leaf(w.data[i]);
  const Array<Var> losses = losses_of(product_nt(vh, vw), targets);
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
    if (type != DType::f32 && !pipelines().device().caps().storage16) continue;
    for (const Size& s : {Size{1, 1, 1, 2}, {1, 3, 5, 7}, {2, 9, 12, 33}, {1, 700, 4, 6}}) {
      const std::uint32_t rows = s.batch * s.tokens;
      const std::string name = "linear_cross_entropy " + std::string(name_of(type)) + " of " + std::to_string(rows) + " rows";
      const Array<double> h = random_array({s.batch, s.tokens, s.dim}, type, 1, 1),
                          w = random_array({s.vocabulary, s.dim}, type, 1 / std::sqrt(s.dim), 2);
      Array<double> targets({rows});
      for (std::size_t n = 0; n < rows; ++n) targets.data[n] = targets_below(s.vocabulary)(n);
      const Expected expected = expected_of(h, w, targets, scale);
      for (const bool gradients : {false, true}) {
        CAPTURE(name);
        CAPTURE(gradients);
        Graph graph(pipelines().device().caps());
        const Tensor th = graph.input("h", h.shape, type), tw = graph.input("w", w.shape, type),
                     tt = graph.input("targets", {rows}, DType::i32);
        const Tensor ts = graph.input("scale", {1}, DType::f32);
        if (gradients) graph.require_gradient(th), graph.require_gradient(tw);
        const Tensor losses =
            graph.keep(linear_cross_entropy(graph, th, tw, tt, ts, 1).losses);  // one byte: the smallest chunks, of 256 rows
        if (gradients) {
          graph.backward(losses, graph.tensor(losses.shape, DType::f32), [](Graph&, const Tensor& a, const Tensor&) { return a; });
          graph.keep(graph.gradient(th)), graph.keep(graph.gradient(tw));
          CHECK(graph.gradient(tw).dtype == DType::f32);
        }
        const auto executor = run_both_ways(graph, [&](Executor& to) {
          to.write_floats(th, floats(h.data)), to.write_floats(tw, floats(w.data)), to.write_floats(ts, std::vector<float>{scale});
          to.write_ints(tt, std::vector<std::int32_t>(targets.data.begin(), targets.data.end()));
        });
        // Logits of size 1 to 3 are rounded to the type where gradients are wanted, which moves losses and softmax by as much; a gradient
        // sums over the vocabulary or over the rows, whose roundings are independent.
        const double f32 = unit_roundoff(DType::f32), logit = gradients ? 4 * unit_roundoff(type) : 0;
        compare(name + ": losses", expected.losses, executor->read_floats(losses), logit + 32 * f32, 1.0);
        if (!gradients) continue;
        compare(name + ": dh", expected.dh, executor->read_floats(graph.gradient(th)), 2 * logit + 64 * f32, scale);
        compare(name + ": dw", expected.dw, executor->read_floats(graph.gradient(tw)), 2 * logit + 64 * f32, scale);
      }
    }
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
