// Gradients of a model with layers of Gated DeltaNet, against differences of losses that the definition of its forward pass gives in double precision.
#include "ops/add.h"
#include "probe/edited_models.h"
#include "support/device.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

double mean_loss_of(const Weights& weights, const Array<std::int32_t>& ids) {
  double sum = 0;
  const std::vector<double> losses = ForwardReference(weights).losses(ids, {});
  for (const double loss : losses) sum += loss / static_cast<double>(losses.size());
  return sum;
}

/// The engine's gradients of the same loss, into `weights`.
void differentiate(Weights& weights, const Array<std::int32_t>& ids) {
  Graph graph(pipelines().device().caps());
  ParameterTensors parameters(graph, weights, true);
  const Tensor input = graph.input("ids", {rows, tokens}, DType::i32), targets = graph.input("targets", {rows * tokens}, DType::i32);
  Transformer model(graph, parameters, tokens, {}, DType::f32);
  const Tensor losses = model.losses(model.hidden(input), targets, graph.constant("weight", {1}, {1.0f / (rows * tokens)}), 1 << 20);
  graph.backward(losses, losses, [](Graph& g, const Tensor& a, const Tensor& b) { return add(g, a, b); });
  parameters.place_gradients(false);
  Executor executor(pipelines(), graph);
  std::vector<std::int32_t> next;
  for (std::uint32_t row = 0; row < rows; ++row)
    for (std::uint32_t t = 0; t < tokens; ++t) next.push_back(ids(row, (t + 1) % tokens));
  executor.write_ints(input, ids.data);
  executor.write_ints(targets, next);
  executor.run();
}

}  // namespace

TEST_CASE("a model of Gated DeltaNet and gated attention has the gradients of its definition") {
  const TransformerConfig config = config_of(subjects.back().model);
  REQUIRE(config.has_other_mixers());
  const Array<std::int32_t> ids = make_ids(config);
  const Weights drawn = weights_of(config);
  Weights weights(pipelines().device(), config, DType::f32, WeightsUse::training);
  for (const ParameterSpec& spec : parameters(config)) weights.write(spec.name, drawn.read(spec.name));
  differentiate(weights, ids);
  for (const ParameterSpec& spec : parameters(config)) {
    CAPTURE(spec.name);
    const std::vector<float> gradient = weights.read_gradient(spec.name);
    std::vector<float> values = weights.read(spec.name);
    for (const std::size_t i : {std::size_t{0}, gradient.size() / 2, gradient.size() - 1}) {
      // Losses in double are exact to 1e-15; differences of a step h = 2^-15 are to 1e-10, and miss third derivatives (1000 where a
      // norm divides by embeddings of 0.1) by h^2 / 6 = 2e-10.
      const float kept = values[i], high = kept + 0x1p-15f, low = kept - 0x1p-15f;
      double difference = 0;
      for (const auto& [value, sign] : {std::pair{high, 1.0}, {low, -1.0}}) {
        values[i] = value;
        weights.write(spec.name, values);
        difference += sign * mean_loss_of(weights, ids);
      }
      values[i] = kept;
      weights.write(spec.name, values);
      difference /= double{high} - double{low};
      CHECK(std::abs(double{gradient[i]} - difference) <= 2e-5 * std::max(1.0, std::abs(difference)));
    }
  }
}
