// Training against tests/golden/train: losses, gradients, states and attention of every variant, computed in float64 by an independent
// implementation. ABLATE_GOLDEN=FOLDER runs the same on another set in the same layout.
#include "support/golden.h"
#include "base/dtype.h"
#include "base/file.h"
#include "model/json_settings.h"
#include "model/transformer.h"
#include "support/device.h"
#include "train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace ablate;
using namespace ablate::test;

namespace {

std::filesystem::path folder() { return golden_folder() / "train"; }

Settings read_index() { return settings_from_json(read_text(folder() / "index.json"), "index.json"); }

/// One entry of index.json with its files.
struct Golden {
  TransformerConfig config;
  TrainSettings settings;
  std::vector<double> losses, grad_norms;
  SafetensorsFile weights, expected;
  std::unique_ptr<DataSource> data;

  Golden(Settings index, const std::string& variant)
      : weights(folder() / (variant + ".weights.safetensors")), expected(folder() / (variant + ".expected.safetensors")) {
    Settings entry = index.table(variant), table = entry.table("config");
    config = TransformerConfig::from(table);
    losses = entry.get<std::vector<double>>("losses");
    grad_norms = entry.get<std::vector<double>>("grad_norms");
    const std::vector<std::int64_t> shape = expected.at("ids").shape;  // (steps, B, T + 1)
    settings.steps = static_cast<int>(losses.size());
    settings.batch = static_cast<int>(shape[1]);
    settings.seq_len = static_cast<int>(shape[2]) - 1;
    settings.lr = entry.get<double>("lr");
    const auto betas = entry.get<std::vector<double>>("betas");
    settings.betas = {betas.at(0), betas.at(1)};
    settings.eps = entry.get<double>("eps");
    settings.weight_decay = entry.get<double>("weight_decay");
    settings.clip = entry.get<double>("clip");
    settings.decay = "matrices";
    settings.schedule = "constant";
    if (const auto& window = config.loss_positions) settings.loss_positions = {(*window)[0], (*window)[1]};
    Value::Table table_of_data;
    table_of_data["source"].data = "tokens";
    table_of_data["file"].data = expected.path().string();
    Value value;
    value.data = std::move(table_of_data);
    Settings source(std::move(value), "data");
    data = open_data(source, {});
  }
};

/// A few steps of training on the tests' device.
struct Run {
  std::vector<double> losses, grad_norms;
  std::vector<std::vector<float>> gradients;  ///< of step 0, in the order of parameters(config)
  bool skipped = false;                       ///< a step's gradients overflowed (f16)
};

Run train(const Golden& golden, const TrainSettings& settings, DType activations = DType::f32) {
  Weights weights(pipelines().device(), golden.config, activations, WeightsUse::training);
  weights.load(golden.weights);
  Trainer trainer(pipelines(), weights, *golden.data, settings, activations);
  Run run;
  while (trainer.step() < settings.steps) {
    const StepReport report = trainer.train_step();
    run.losses.push_back(report.loss);
    run.grad_norms.push_back(report.grad_norm);
    run.skipped = run.skipped || report.skipped;
    if (run.losses.size() > 1) continue;
    for (const ParameterSpec& p : parameters(golden.config)) {
      run.gradients.push_back(weights.read_gradient(p.name));
      for (float& x : run.gradients.back()) x /= static_cast<float>(report.loss_scale);
    }
  }
  return run;
}

double norm(const std::vector<float>& x) {
  double sum = 0;
  for (const float value : x) sum += double(value) * value;
  return std::sqrt(sum);
}
double distance(std::vector<float> a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return norm(a);
}
double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::fmax(most, std::isnan(a[i]) ? INFINITY : std::abs(double(a[i]) - b[i]));
  return most;
}

/// The norm of all gradients together: what tells a small gradient from one that should be zero.
double total_norm(const Golden& golden) {
  double sum = 0;
  for (const ParameterSpec& p : parameters(golden.config)) sum += std::pow(norm(golden.expected.at("grad." + p.name).floats()), 2);
  return std::sqrt(sum);
}

/// States, attention maps and logits of step 0's first sequences.
struct Forward {
  std::vector<float> states, attention, logits;
};

Forward forward(const Golden& golden, std::uint32_t sequences) {
  Weights weights(pipelines().device(), golden.config, DType::f32, WeightsUse::inference);
  weights.load(golden.weights);
  Graph graph(pipelines().device().caps());
  ParameterTensors parameters(graph, weights);
  std::vector<Tensor> states, maps;
  Hooks hooks;
  hooks.at = [&](Graph& g, const Hook& hook, const Tensor& x) {
    if (hook.residual() >= 0) states.push_back(g.keep(x));
    return x;
  };
  hooks.attention = [&](Graph& g, const AttentionCall& call) {
    maps.push_back(g.keep(attention_map(g, call.q, call.k, call.lse, call.options)));
  };
  const auto tokens = static_cast<std::uint32_t>(golden.settings.seq_len);
  const Tensor ids = graph.input("ids", {sequences, tokens}, DType::i32);
  Transformer model(graph, parameters, tokens, hooks, DType::f32);
  const Tensor logits = graph.keep(model.logits(model.hidden(ids)));
  Executor executor(pipelines(), graph);
  std::vector<std::int32_t> input;
  const Batch batch = golden.data->batch(0, golden.settings.batch, tokens + 1);
  for (std::uint32_t r = 0; r < sequences; ++r) input.insert(input.end(), batch.row(r), batch.row(r) + tokens);
  executor.write_ints(ids, input);
  executor.run();
  Forward result;
  const auto append = [&](std::vector<float>& to, const Tensor& x) {
    const std::vector<float> values = executor.read_floats(x);
    to.insert(to.end(), values.begin(), values.end());
  };
  for (const Tensor& x : states) append(result.states, x);
  for (const Tensor& x : maps) append(result.attention, x);
  append(result.logits, logits);
  return result;
}

}  // namespace

// What f32 arithmetic leaves of float64, with room for ten optimizer steps: 1e-4 is about a thousand roundings in a row.
TEST_CASE("golden training: losses and gradients of every variant") {
  const Settings index = read_index();
  for (const std::string& variant : index.keys()) {
    CAPTURE(variant);
    const Golden golden(index, variant);
    const Run run = train(golden, golden.settings);
    const double all = total_norm(golden);
    for (std::size_t step = 0; step < run.losses.size(); ++step) {
      CAPTURE(step);
      CHECK(std::abs(run.losses[step] - golden.losses[step]) <= 1e-4 * golden.losses[step]);
      CHECK(std::abs(run.grad_norms[step] - golden.grad_norms[step]) <= 2e-3 * golden.grad_norms[step]);
    }
    const auto specs = parameters(golden.config);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      CAPTURE(specs[i].name);
      const std::vector<float> expected = golden.expected.at("grad." + specs[i].name).floats();
      CHECK(distance(run.gradients[i], expected) <= 1e-3 * norm(expected) + 1e-7 * all);
    }
  }
}

TEST_CASE("golden training: states, attention and logits of every variant") {
  const Settings index = read_index();
  for (const std::string& variant : index.keys()) {
    CAPTURE(variant);
    const Golden golden(index, variant);
    const Forward result = forward(golden, static_cast<std::uint32_t>(golden.expected.at("states").shape[1]));
    CHECK(largest_difference(result.states, golden.expected.at("states").floats()) <= 1e-4);
    CHECK(largest_difference(result.attention, golden.expected.at("attention").floats()) <= 1e-4);
    CHECK(largest_difference(result.logits, golden.expected.at("logits").floats()) <= 1e-4);
  }
}

// The pieces' gradients are added in another order than the rows of one batch: a few roundings of f32, in each of the operations between.
TEST_CASE("golden training: a batch in pieces is the batch") {
  const Settings index = read_index();
  for (const char* variant : {"pre", "loss_window", "sandwich_qk", "kv_bias"}) {
    CAPTURE(variant);
    const Golden golden(index, variant);
    const Run whole = train(golden, golden.settings);
    for (const int pieces : {2, 4}) {
      CAPTURE(pieces);
      TrainSettings settings = golden.settings;
      settings.accumulate = pieces;
      const Run parts = train(golden, settings);
      CHECK(std::abs(parts.losses[0] - whole.losses[0]) <= 4 * 0x1p-24 * whole.losses[0]);
      for (std::size_t i = 0; i < whole.gradients.size(); ++i)
        CHECK(distance(parts.gradients[i], whole.gradients[i]) <= 32 * 0x1p-24 * norm(whole.gradients[i]));
      for (std::size_t step = 0; step < whole.losses.size(); ++step)
        CHECK(std::abs(parts.losses[step] - golden.losses[step]) <= 1e-4 * golden.losses[step]);
    }
  }
}

// u is the relative error of one rounding. A logit passes about 36 (8 in each of 4 blocks, and the ends), whose errors have random signs: 6
// u of its size, below 1 here, and the mean over 64 targets is closer still. Gradients pass twice as many: 8.5 u of their norm. A ReLU's
// argument that rounds to the other side of zero gains or loses its whole term; of arguments of size 1 a share u does, which is sqrt(u) of
// the norm. Ten updates off by that much move losses, which they change by less than 2 nats, by as much of those.
TEST_CASE("golden training: mixed precision") {
  if (!pipelines().device().caps().storage16) return skip("golden training: mixed precision", "no 16-bit storage");
  const Settings index = read_index();
  for (const DType type : {DType::f16, DType::bf16}) {
    CAPTURE(type);
    const double u = unit_roundoff(type);
    int overflowed = 0;
    for (const std::string& variant : index.keys()) {
      CAPTURE(variant);
      const Golden golden(index, variant);
      const Run run = train(golden, golden.settings, type);
      CHECK(std::abs(run.losses[0] - golden.losses[0]) <= 2 * u);
      if (run.skipped) {
        ++overflowed;
        continue;
      }
      const bool relu = golden.config.attention == "relu" || golden.config.ffn == "relu";
      const double bound = 8.5 * u + (relu ? std::sqrt(u) : 0);
      const auto specs = parameters(golden.config);
      double error = 0;
      for (std::size_t i = 0; i < specs.size(); ++i)
        error += std::pow(distance(run.gradients[i], golden.expected.at("grad." + specs[i].name).floats()), 2);
      CHECK(std::sqrt(error) <= bound * total_norm(golden));
      for (std::size_t step = 0; step < run.losses.size(); ++step) {
        CAPTURE(step);
        CHECK(std::abs(run.losses[step] - golden.losses[step]) <= 2 * bound);
      }
    }
    CHECK(overflowed <= (type == DType::f16 ? 2 : 0));
  }
}
