// Training against tests/golden/train: losses, gradients, states and attention of every variant, computed in float64 by an independent
// implementation. ABLATE_GOLDEN=FOLDER runs the same on another set in the same layout.
#include "support/golden.h"
#include "base/dtype.h"
#include "base/file.h"
#include "model/json_settings.h"
#include "model/transformer.h"
#include "support/device.h"
#include "support/rounded_training.h"
#include "support/seeded_weights.h"
#include "support/temporary_folder.h"
#include "train/trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using namespace ablate;
using namespace ablate::test;

namespace {

std::filesystem::path folder() { return golden_folder() / "train"; }

Settings read_index(const char* file = "index.json") { return settings_from_json(read_text(folder() / file), file); }

// Variants that the float64 training below does not have stand in a list of their own.
constexpr const char* lists[] = {"index.json", "proposed.json"};

/// One entry of index.json with its files.
struct Golden {
  TransformerConfig config;
  TrainSettings settings;
  std::vector<double> losses, grad_norms;
  TemporaryFolder made;
  std::unique_ptr<SafetensorsFile> weights;
  SafetensorsFile expected;
  std::unique_ptr<DataSource> data;

  Golden(Settings index, const std::string& variant) : expected(folder() / (variant + ".expected.safetensors")) {
    Settings entry = index.table(variant), table = entry.table("config");
    config = TransformerConfig::from(table);
    std::filesystem::path file = folder() / (variant + ".weights.safetensors");
    if (entry.has("seed"))
      write_seeded_weights(file = made / "weights.safetensors", config, static_cast<std::uint64_t>(entry.get<int>("seed")));
    weights = std::make_unique<SafetensorsFile>(file);
    losses = entry.get<std::vector<double>>("losses");
    grad_norms = entry.get<std::vector<double>>("grad_norms");
    const std::vector<std::int64_t> shape = expected.at("ids").shape;  // (steps, B, T + 1)
    settings.steps = static_cast<int>(losses.size());
    settings.batch = static_cast<int>(shape[1]);
    settings.seq_len = static_cast<int>(shape[2]) - 1;
    settings.optimizer = entry.get<std::string>("optimizer", settings.optimizer);
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
  weights.load(*golden.weights);
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
  weights.load(*golden.weights);
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

template <class Check>
void for_each_variant(const Check& check) {
  for (const char* file : lists) {
    if (!std::filesystem::exists(folder() / file)) continue;  // another set of goldens has those of its own
    const Settings index = read_index(file);
    for (const std::string& variant : index.keys()) {
      CAPTURE(variant);
      check(Golden(index, variant));
    }
  }
}

}  // namespace

// What f32 arithmetic leaves of float64, with room for ten optimizer steps: 1e-4 is about a thousand roundings in a row.
TEST_CASE("golden training: losses and gradients of every variant") {
  for_each_variant([](const Golden& golden) {
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
  });
}

TEST_CASE("golden training: states, attention and logits of every variant") {
  for_each_variant([](const Golden& golden) {
    const Forward result = forward(golden, static_cast<std::uint32_t>(golden.expected.at("states").shape[1]));
    CHECK(largest_difference(result.states, golden.expected.at("states").floats()) <= 1e-4);
    CHECK(largest_difference(result.attention, golden.expected.at("attention").floats()) <= 1e-4);
    CHECK(largest_difference(result.logits, golden.expected.at("logits").floats()) <= 1e-4);
  });
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

// Every parameter after a few steps.
std::vector<std::vector<float>> trained(const Golden& golden, const char* recompute, DType activations) {
  TrainSettings settings = golden.settings;
  settings.recompute = recompute;
  settings.accumulate = 2;
  Weights weights(pipelines().device(), golden.config, activations, WeightsUse::training);
  weights.load(*golden.weights);
  Trainer trainer(pipelines(), weights, *golden.data, settings, activations);
  REQUIRE(trainer.recomputation().blocks == (recompute == std::string("blocks")));
  while (trainer.step() < 3) trainer.train_step();
  std::vector<std::vector<float>> values;
  for (const ParameterSpec& p : parameters(golden.config)) values.push_back(weights.read(p.name));
  return values;
}

TEST_CASE("golden training: blocks that are computed again give the same bits") {
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    if (type != DType::f32 && !pipelines().device().caps().storage16) continue;  // as skipped below
    CAPTURE(type);
    for_each_variant([&](const Golden& golden) {
      const auto kept = trained(golden, "none", type), again = trained(golden, "blocks", type);
      const auto specs = parameters(golden.config);
      for (std::size_t i = 0; i < specs.size(); ++i) {
        CAPTURE(specs[i].name);
        CHECK(std::memcmp(kept[i].data(), again[i].data(), 4 * kept[i].size()) == 0);
      }
    });
  }
}

// The same arithmetic in float64, with the roundings of a type (support/rounded_training.h).
RoundedTraining rounded_training(const Golden& golden, std::optional<DType> type) {
  std::map<std::string, RoundedTraining::Parameter> all;
  for (const ParameterSpec& p : parameters(golden.config)) {
    const std::vector<float> values = golden.weights->at(p.name).floats();
    const bool vector = p.shape.size() < 2;
    // Learned keys, values and gates are small tables that the engine keeps in f32.
    const bool matrix = !vector && p.kind != ParameterKind::attention_bias && p.kind != ParameterKind::gate;
    all[p.name] = {{values.begin(), values.end()}, matrix, !vector};
  }
  return {golden.config, golden.settings, std::move(all), type};
}

std::vector<RoundedStep> steps_of(const Golden& golden, RoundedTraining& training, int steps) {
  std::vector<RoundedStep> all;
  for (int step = 0; step < steps; ++step) {
    const Batch batch = golden.data->batch(static_cast<std::uint64_t>(step), golden.settings.batch, golden.settings.seq_len + 1);
    std::vector<std::int32_t> ids;
    for (int row = 0; row < golden.settings.batch; ++row)
      ids.insert(ids.end(), batch.row(row), batch.row(row) + golden.settings.seq_len + 1);
    all.push_back(training.step(ids, golden.settings.lr));
  }
  return all;
}

double distance_from(const Golden& golden, const RoundedTraining& training, const std::vector<std::vector<float>>& gradients) {
  double sum = 0;
  const auto specs = parameters(golden.config);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::vector<double> expected = training.gradient(specs[i].name);
    REQUIRE(expected.size() == gradients[i].size());
    for (std::size_t k = 0; k < expected.size(); ++k) sum += std::pow(gradients[i][k] - expected[k], 2);
  }
  return std::sqrt(sum);
}

// Without a type it rounds nothing, and must agree with PyTorch's float64 in everything: what the next test rests on.
TEST_CASE("golden training: the float64 training that mixed precision is compared with") {
  const Settings index = read_index();
  for (const std::string& variant : index.keys()) {
    CAPTURE(variant);
    const Golden golden(index, variant);
    RoundedTraining training = rounded_training(golden, std::nullopt);
    const RoundedStep first = steps_of(golden, training, 1).front();
    CHECK(std::abs(first.loss - golden.losses[0]) <= 1e-6);  // goldens' weights and gradients are stored in f32
    for (const ParameterSpec& p : parameters(golden.config)) {
      CAPTURE(p.name);
      const std::vector<double> ours = training.gradient(p.name);
      CHECK(distance({ours.begin(), ours.end()}, golden.expected.at("grad." + p.name).floats()) <= 1e-6 * total_norm(golden));
    }
    RoundedTraining again = rounded_training(golden, std::nullopt);
    const std::vector<RoundedStep> steps = steps_of(golden, again, golden.settings.steps);
    for (std::size_t step = 0; step < steps.size(); ++step) CHECK(std::abs(steps[step].loss - golden.losses[step]) <= 1e-5);
  }
}

// u is the relative error of one rounding. Kernels work in f32, the comparison in float64: a number falls on the other side of a rounding
// boundary where their difference, some 4 units of 2^-24 after a sum of 64 products, spans one: once in u / 2^-22 numbers, 1 in 2000 for f16,
// 1 in 16000 for bf16. So in bf16 most variants' first gradients agree to f32 (of a few thousand numbers on the way none flips), which one
// rounding too many or too few anywhere would end; where a number flips, what follows it is rounded anew, by u each time, in half a dozen
// places: at most 2 u of the gradient's norm, and for the mean over 64 targets u / 8. (On cooperative matrices attention's weights are rounded
// to the type as well, which the comparison does not do: 8.5 u for 72 roundings in a row, and 2 u.)
//
// AdamW's first updates have the size of the learning rate whatever the gradient's: where it is within u of zero their sign is noise, for a
// share u of the elements, an error of sqrt(u) of the update. Ten such updates move losses by up to a quarter of a nat. After a step that
// overflowed the loss scale is halved and gradients stay near the type's end, where the next flip decides: four times that.
TEST_CASE("golden training: mixed precision rounds where it should, and nowhere else") {
  if (!pipelines().device().caps().storage16) return skip("golden training: mixed precision", "no 16-bit storage");
  const bool whole_matrices = pipelines().device().caps().coopmat;
  const Settings index = read_index();
  for (const DType type : {DType::f16, DType::bf16}) {
    CAPTURE(type);
    const double u = unit_roundoff(type);
    std::set<std::string> overflowed;
    std::size_t same = 0;
    for (const std::string& variant : index.keys()) {
      CAPTURE(variant);
      const Golden golden(index, variant);
      const Run run = train(golden, golden.settings, type);
      RoundedTraining training = rounded_training(golden, type);
      const RoundedStep first = steps_of(golden, training, 1).front();
      CHECK(std::abs(run.losses[0] - first.loss) <= (whole_matrices ? 2 : 0.125) * u);
      if (!first.skipped) {
        const double off = distance_from(golden, training, run.gradients) / total_norm(golden);
        CHECK(off <= (whole_matrices ? 8.5 : 2) * u);
        same += off <= 0.01 * u;
      }
      RoundedTraining again = rounded_training(golden, type);
      const std::vector<RoundedStep> steps = steps_of(golden, again, golden.settings.steps);
      const bool overflow = std::any_of(steps.begin(), steps.end(), [](const RoundedStep& step) { return step.skipped; });
      CHECK(run.skipped == overflow);
      if (overflow) overflowed.insert(variant);
      for (std::size_t step = 0; step < steps.size(); ++step) {
        CAPTURE(step);
        CHECK(std::abs(run.losses[step] - steps[step].loss) <= (overflow || whole_matrices ? 1 : 0.25) * std::sqrt(u));
      }
    }
    // Its gradients times the first loss scale are too large for f16.
    CHECK(overflowed == (type == DType::f16 ? std::set<std::string>{"sandwich_qk"} : std::set<std::string>{}));
    if (type == DType::bf16 && !whole_matrices) CHECK(same >= index.keys().size() / 2);
  }
}
