// A probe in 16 bits runs another forward pass than training: what listens sees a block's output before it is added to the stream, which is one rounding
// more a block. Both against the same checkpoint in float64.
#include "anatomy.h"
#include "model/transformer.h"
#include "ops/cross_entropy.h"
#include "support/places.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <map>

using namespace ablate;
using namespace ablate::test;

namespace {

// Weights of bf16, which f16 holds as well: only activations are rounded.
std::filesystem::path folder() { return test::tests_folder() / "golden" / "hf" / "llama_bf16"; }

struct Golden {
  CheckpointFolder checkpoint{folder()};
  SafetensorsFile expected{folder() / "expected.safetensors"};
  nlohmann::json index = nlohmann::json::parse(read_text(folder().parent_path() / "index.json")).at("llama_bf16");
  EvaluationData data = ids_of(expected);
  std::vector<std::int32_t> positions;

  Golden() {
    if (expected.contains("positions")) positions = expected.at("positions").integers();
    else
      for (std::uint32_t t = 0; t < data.columns; ++t) positions.push_back(static_cast<std::int32_t>(t));
  }
};

/// What a forward pass makes of the golden's sequences: of the first, states (probes only) and the hidden vector after the final norm.
struct Forward {
  std::map<std::string, std::vector<float>> values;  // "residual.N", "final_norm": (T, C)
  double loss = 0;
};

struct Capture : Probe {
  void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override { tensors.clear(); }
  void at(Graph& graph, const Hook& hook, const Tensor& x) override {
    if (hook.residual() >= 0 || hook.site == Site::final_norm) tensors[hook.name()] = graph.keep(x);
  }
  void collect(Executor& executor, const ProbeBatch& batch) override {
    if (batch.first > 0) return;
    for (const auto& [name, tensor] : tensors) values[name] = executor.read_floats(tensor);
  }
  void finish(Metrics&) override {}
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::vector<float>> values;
};

Forward as_probe(const Golden& golden, DType type) {
  Weights weights(pipelines().device(), golden.checkpoint.config(), type, WeightsUse::inference);
  weights.load(golden.checkpoint);
  Capture capture;
  const Evaluation evaluation = Evaluator(pipelines(), weights, type, golden.data).run({}, {&capture});
  return {capture.values, evaluation.loss.value()};
}

// As Trainer builds a step, up to the losses.
Forward as_training(const Golden& golden, DType type) {
  Weights weights(pipelines().device(), golden.checkpoint.config(), type, WeightsUse::training);
  weights.load(golden.checkpoint);
  const std::uint32_t rows = golden.data.rows, tokens = golden.data.columns;
  Graph graph(pipelines().device().caps());
  ParameterTensors parameters(graph, weights, true);
  const Tensor ids = graph.input("ids", {rows, tokens}, DType::i32), targets = graph.input("targets", {rows * tokens}, DType::i32);
  Transformer model(graph, parameters, tokens, {}, type);
  const Tensor hidden = graph.keep(model.hidden(ids)), one = graph.constant("one", {1}, {1.0f});
  const Tensor losses = graph.keep(linear_cross_entropy(graph, hidden, model.head(), targets, one, 1u << 28).losses);
  Executor executor(pipelines(), graph);
  std::vector<std::int32_t> next(golden.data.ids.begin() + 1, golden.data.ids.end());
  next.push_back(-1);
  for (std::uint32_t row = 0; row < rows; ++row) next[std::size_t{row + 1} * tokens - 1] = -1;
  executor.write_ints(ids, golden.data.ids);
  executor.write_ints(targets, next);
  executor.run();
  double sum = 0;
  for (const float loss : executor.read_floats(losses)) sum += static_cast<double>(loss);
  return {{{"final_norm", executor.read_floats(hidden)}}, sum / (static_cast<double>(rows) * (tokens - 1))};
}

/// The largest |found - expected| / |expected| over positions, as vectors of `channels`.
double distance(const std::vector<float>& found, std::span<const float> expected, const std::vector<std::int32_t>& positions) {
  const std::size_t channels = expected.size() / positions.size();
  double worst = 0;
  for (std::size_t p = 0; p < positions.size(); ++p) {
    double squares = 0, differences = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const double wanted = static_cast<double>(expected[p * channels + c]);
      const double got = static_cast<double>(found[static_cast<std::size_t>(positions[p]) * channels + c]);
      squares += wanted * wanted, differences += (got - wanted) * (got - wanted);
    }
    const double one = std::sqrt(differences / squares);
    if (!(one <= worst)) worst = one;
  }
  return worst;
}

}  // namespace

// u is the largest relative error of a rounding; a vector of many entries is off by u / sqrt(3) of its length at most, at any place between two powers of two.
// Errors of different roundings add up as squares, and a product with random weights keeps their share in the length. A block's way holds six: the norm; q, k
// and v or gate and up, of which two count; the weighted values or the product; the block's output; the sum (a probe rounds the last two one by one, training
// together). With the embedding, state b has sqrt(1 + 6 b) u / sqrt(3), and sqrt(3) is left for the rest: scores, vectors that are less than random.
TEST_CASE("a probe's forward in 16 bits and training's are both as near to float64 as roundings allow") {
  if (!pipelines().device().caps().storage16) return skip("forward passes in 16 bits", "no 16-bit storage");
  const Golden golden;
  const int blocks = golden.checkpoint.config().blocks();
  const std::vector<float> states = golden.expected.at("states").floats(), logits = golden.expected.at("logits").floats();
  const std::size_t size = golden.positions.size() * static_cast<std::size_t>(golden.checkpoint.config().d_model);
  double squares = 0;
  for (const float logit : logits) squares += static_cast<double>(logit) * static_cast<double>(logit);
  const double logit_size = std::sqrt(squares / static_cast<double>(logits.size())),
               predicted = static_cast<double>(golden.data.rows) * (golden.data.columns - 1), nll = golden.index.at("mean_nll");
  for (const DType type : {DType::f16, DType::bf16}) {
    CAPTURE(type);
    const double u = unit_roundoff(type);
    const Forward probe = as_probe(golden, type), training = as_training(golden, type);
    for (int b = 0; b <= blocks; ++b) {
      CAPTURE(b);
      const double found = distance(probe.values.at("residual." + std::to_string(b)),
                                    std::span(states).subspan(static_cast<std::size_t>(b) * size, size), golden.positions);
      CAPTURE(found / u);
      CHECK(found <= std::sqrt(1 + 6.0 * b) * u);
    }
    // Of the way to the logits another two: the final norm, and the logits themselves where they are stored. A loss is off by the difference of two logits
    // (sqrt(2)), the mean over tokens by as much over the root of their number; four times that is beyond chance.
    const double relative = std::sqrt(3 + 6.0 * blocks) * u, bound = 4 * std::sqrt(2.0) * relative * logit_size / std::sqrt(predicted);
    CAPTURE((probe.loss - nll) / bound);
    CAPTURE((training.loss - nll) / bound);
    CHECK(std::abs(probe.loss - nll) <= bound);
    CHECK(std::abs(training.loss - nll) <= bound);
    // The hidden vectors of both are off by no more than twice that from each other, and are not the same.
    const std::vector<float>&a = probe.values.at("final_norm"), &b = training.values.at("final_norm");
    REQUIRE(a.size() <= b.size());
    double apart = 0, length = 0;
    for (std::size_t i = 0; i < a.size(); ++i) apart += std::pow(double(a[i]) - double(b[i]), 2), length += std::pow(double(a[i]), 2);
    CHECK(apart > 0);
    CAPTURE(std::sqrt(apart / length) / u);
    CHECK(std::sqrt(apart / length) <= std::sqrt(2.0) * relative);
  }
}
