// Models in another basis and with scales moved: the same losses, token by token, from weights that are not the same.
#include "base/hadamard.h"
#include "model/transformations/rotate.h"
#include "model/transformations/smooth.h"
#include "probe/ranges.h"
#include "small_run.h"
#include "token_losses.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>

using namespace ablate;
using namespace ablate::test;

namespace {

/// With vectors, of norms too, that differ from channel to channel.
struct UnevenRun : SmallRun {
  explicit UnevenRun(const TransformerConfig& config) : SmallRun(config) {
    const CounterRandom random(5, "vectors");
    std::uint64_t drawn = 0;
    for (const ParameterSpec& spec : parameters(config)) {
      if (spec.shape.size() != 1 || spec.kind == ParameterKind::norm_alpha) continue;
      std::vector<float> values = weights.read(spec.name);
      for (float& value : values) value += 0.5f * static_cast<float>(random.normal(drawn++));
      weights.write(spec.name, values);
    }
  }
};

std::vector<double> losses_of(const Weights& weights, const EvaluationData& data) {
  TokenLosses losses;
  Evaluator(pipelines(), weights, DType::f32, data).run({}, {&losses});
  return losses.values;
}

void check_same(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  // f32 weights, rounded once more, through two layers of sums of two or three dozen terms.
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(2e-5));
}

using Change = std::function<void(TransformerConfig&)>;
const std::vector<std::pair<std::string, Change>> rms_models = {
    {"plain", [](TransformerConfig&) {}},
    {"tied", [](TransformerConfig& c) { c.tie_embeddings = true; }},
    {"biases", [](TransformerConfig& c) { c.qkv_bias = c.o_bias = c.ffn_bias = true, c.ffn = std::string("gelu"); }},
    {"parallel", [](TransformerConfig& c) { c.parallel_residual = true; }},
    {"1 + w", [](TransformerConfig& c) { c.norm = "rmsnorm_plus_one", c.embedding_scale = 3; }},
    {"learned positions", [](TransformerConfig& c) { c.position = Position::learned; }},
    {"one matrix", [](TransformerConfig& c) { c.ffn = std::string("linear"); }},
    {"second attention", [](TransformerConfig& c) { c.ffn = std::string("attention"); }},
    {"gated", [](TransformerConfig& c) { c.gate = "channel"; }},
    {"no input norms", [](TransformerConfig& c) { c.attn_input_norm = c.ffn_input_norm = false, c.qk_norm = QkNorm::full; }},
    {"narrow embedding", [](TransformerConfig& c) { c.embedding_dim = 10; }},
    {"experts",
     [](TransformerConfig& c) { c.ffn = std::string("experts"), c.n_experts = 3, c.experts_per_token = 2, c.d_shared_expert = 8; }}};

float largest_of(const std::vector<float>& values) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace

TEST_CASE("Hadamard matrices are orthogonal, of every size that has one of Sylvester's and Paley's") {
  std::vector<std::size_t> refused;
  for (std::size_t n = 4; n <= 256; n += 4) {
    try {
      const HadamardRotation rotation(n, 3, "here");
    } catch (const InputError& error) {
      CHECK(std::string(error.what()).find("here: ") == 0);
      refused.push_back(n);
    }
  }
  CHECK(refused == std::vector<std::size_t>{92, 116, 156, 172, 184, 188, 232, 236});
  for (const std::size_t n : {1u, 2u, 4u, 12u, 24u, 28u, 36u, 40u, 52u, 64u, 96u, 100u, 148u, 344u}) {
    CAPTURE(n);
    const HadamardRotation rotation(n, 3, "here");
    std::vector<std::vector<double>> rows(n, std::vector<double>(n));
    double most = 0, off = 0;
    for (std::size_t i = 0; i < n; ++i) {
      rows[i][i] = 1;
      rotation.turn(rows[i]);
      for (const double entry : rows[i]) most = std::max(most, std::abs(std::abs(entry) - 1 / std::sqrt(static_cast<double>(n))));
      for (std::size_t j = 0; j <= i; ++j) {
        double product = 0;
        for (std::size_t k = 0; k < n; ++k) product += rows[i][k] * rows[j][k];
        off = std::max(off, std::abs(product - (i == j)));
      }
    }
    CHECK(most < 1e-13);
    CHECK(off < 1e-12);
  }
  for (const std::size_t n : {3u, 6u, 10u, 30u}) CHECK_THROWS_AS(HadamardRotation(n, 0, "here"), InputError);
}

TEST_CASE("a rotated model is the same model") {
  for (const auto& [name, change] : rms_models) {
    CAPTURE(name);
    TransformerConfig config = SmallRun::small_model();
    change(config);
    const UnevenRun run(config);
    Weights rotated(pipelines().device(), rotated_config(config, "x.toml:1"), DType::f32, WeightsUse::inference);
    rotate_residual(run.weights, rotated, 11);
    check_same(losses_of(rotated, run.data), losses_of(run.weights, run.data));
    for (const ParameterSpec& spec : parameters(config))
      if (spec.kind == ParameterKind::residual_linear) CHECK(rotated.read(spec.name) != run.weights.read(spec.name));
  }
}

TEST_CASE("models that a rotation would change are refused by what is in its way") {
  const auto message = [](const Change& change) {
    TransformerConfig config = SmallRun::small_model();
    change(config);
    std::string what;
    try {
      rotated_config(config, "x.toml:1: transformation.do");
    } catch (const InputError& error) {
      what = error.what();
    }
    return what;
  };
  CHECK(message([](TransformerConfig& c) { c.norm = "layernorm"; }).find("x.toml:1: transformation.do: the norm \"layernorm\"") == 0);
  CHECK(message([](TransformerConfig& c) { c.norm = "dyt"; }).find("\"dyt\"") != std::string::npos);
  CHECK(message([](TransformerConfig& c) { c.final_norm = "layernorm"; }).find("\"layernorm\"") != std::string::npos);
  CHECK(message([](TransformerConfig& c) { c.output_norm = true; }).find("model.output_norm") != std::string::npos);
  CHECK(message([](TransformerConfig& c) { c.post_norm = true; }).find("model.post_norm") != std::string::npos);
  CHECK(message([](TransformerConfig& c) { c.gate = "head", c.gate_input = GateInput::embedding; }).find("model.gate_input") !=
        std::string::npos);
  CHECK(message([](TransformerConfig& c) { c.d_model = 30; }).find("model.d_model") != std::string::npos);
}

TEST_CASE("a smoothed model is the same model, and half its outliers are its weights'") {
  std::vector<std::pair<std::string, Change>> models = rms_models;
  models.insert(models.end(), {{"layernorm", [](TransformerConfig& c) { c.norm = "layernorm", c.layernorm_bias = true; }},
                               {"dyt", [](TransformerConfig& c) { c.norm = "dyt", c.dyt_bias = true; }},
                               {"sandwich", [](TransformerConfig& c) { c.output_norm = true; }}});
  for (const auto& [name, change] : models) {
    CAPTURE(name);
    TransformerConfig config = SmallRun::small_model();
    change(config);
    if (!config.attn_input_norm) {
      CHECK_THROWS_AS(norms_to_smooth(config, "x.toml:1"), InputError);
      continue;
    }
    UnevenRun run(config);
    const std::vector<double> before = losses_of(run.weights, run.data);
    const auto measure = [&] {
      RangesProbe ranges({"attn_norm", "ffn_norm"}, "x.toml:1", {});
      Evaluator(pipelines(), run.weights, DType::f32, run.data).run({}, {&ranges});
      std::map<std::string, std::vector<float>> largest;
      for (const std::string& norm : norms_to_smooth(config, "x.toml:1")) {
        const std::string hook = "layer." + norm.substr(13, 1) + (norm.ends_with(".input_layernorm") ? ".attn_norm" : ".ffn_norm");
        for (std::size_t j = 0; j < 24; ++j)
          largest[norm].push_back(largest_of({ranges.ranges().at(hook).least[j], ranges.ranges().at(hook).most[j]}));
      }
      return largest;
    };
    const auto largest = measure();
    CHECK(largest.size() == 4);
    const std::vector<float> q = run.weights.read("model.layers.0.self_attn.q_proj.weight");
    smooth(run.weights, largest, 0.5);
    check_same(losses_of(run.weights, run.data), before);
    CHECK(run.weights.read("model.layers.0.self_attn.q_proj.weight") != q);
    // With alpha = 1/2 a channel's largest input and its largest weight meet in the middle.
    const std::vector<float> inputs = measure().at("model.layers.1.input_layernorm");
    for (std::size_t j = 0; j < 24; ++j) {
      float most = 0;
      for (const char* which : {"q", "k", "v", "gate"}) {
        if (*which == 'g' && config.gate == "none") continue;
        const std::vector<float> w = run.weights.read("model.layers.1.self_attn." + std::string(which) + "_proj.weight");
        for (std::size_t i = j; i < w.size(); i += 24) most = std::max(most, std::abs(w[i]));
      }
      CHECK(inputs[j] == doctest::Approx(most).epsilon(1e-4));
    }
  }
}
