// Quantization as [[intervention]] tables say it: at hook points and weights, by presets, and what of it is refused.
#include "base/file.h"
#include "edited_models.h"
#include "probe/evaluation.h"
#include "probe/interventions.h"
#include "probe/presets/preset.h"
#include "small_run.h"
#include "support/golden.h"
#include "support/quantize_reference.h"
#include "token_losses.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <set>

using namespace ablate;
using namespace ablate::test;

namespace {

std::vector<InterventionSettings> interventions_of(const std::string& text) {
  Settings settings(parse_toml(text, "x.toml"));
  std::vector<InterventionSettings> all = InterventionSettings::all(settings);
  settings.reject_unused();
  return all;
}

/// Under [[intervention]] tables, whose static ranges are those of the intact model over the same data.
std::vector<double> losses_under(const std::string& tables, const Weights& weights, const EvaluationData& data) {
  const std::vector<InterventionSettings> interventions = interventions_of(tables);
  Evaluator evaluator(pipelines(), weights, DType::f32, data);
  IntactModel intact;
  if (const RangesWanted wanted = ranges_wanted(interventions, weights.config()); !wanted.hooks.empty()) {
    RangesProbe ranges(wanted.hooks, "x.toml", wanted.except_tokens);
    evaluator.run({}, {&ranges});
    intact.ranges = ranges.ranges();
  }
  const AppliedInterventions applied = apply(interventions, weights.config(), intact, data.tokens());
  TokenLosses losses;
  evaluator.run(applied.hooks, {&losses, applied.changes.get()});
  for (std::size_t i = 0; i < interventions.size(); ++i) CHECK(applied.changes->of(i) > 0);
  return losses.values;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double moved(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> distances;
  for (std::size_t i = 0; i < a.size(); ++i) distances.push_back(std::abs(a[i] - b[i]));
  return mean(distances);
}

}  // namespace

TEST_CASE("presets on the planted checkpoint lose what PyTorch says, and leaving the first token in float gives it back") {
  const nlohmann::json expected = nlohmann::json::parse(read_text(golden_folder() / "quantization.json"));
  const std::filesystem::path folder = golden_folder() / "hf" / "planted";
  const CheckpointFolder checkpoint(folder);
  Weights weights(pipelines().device(), checkpoint.config(), DType::f32, WeightsUse::inference);
  weights.load(checkpoint);
  const EvaluationData data = ids_of(SafetensorsFile(folder / "expected.safetensors"));
  const std::vector<double> plain = losses_under("", weights, data);
  CHECK(mean(plain) == doctest::Approx(expected.at("none").at("loss").get<double>()).epsilon(1e-5));
  std::map<std::string, double> distance;
  std::set<std::string> covered;
  for (const auto& [name, values] : expected.items()) {
    if (name == "none") continue;
    CAPTURE(name);
    const std::string preset = name.substr(0, name.find(','));
    covered.insert(preset);
    const bool except = preset != name;
    const std::vector<double> losses =
        losses_under("[[intervention]]\npreset = \"" + preset + "\"\n" + (except ? "except_tokens = 1\n" : ""), weights, data);
    CHECK(mean(losses) == doctest::Approx(values.at("loss").get<double>()).epsilon(1e-4));
    distance[name] = moved(losses, plain);
    CHECK(distance[name] == doctest::Approx(values.at("moved").get<double>()).epsilon(0.02));
  }
  for (const auto& [name, preset] : QuantizationPresets::all()) CHECK_MESSAGE(covered.contains(name), name);
  // One token's spike sets the scale of all where they share one; where each has its own it costs little, and without that token nothing more.
  CHECK(distance.at("w8a8-tensor-static") > 5 * distance.at("w8a8-token"));
  CHECK(distance.at("w8a8-tensor-static, except_tokens = 1") < 0.5 * distance.at("w8a8-tensor-static"));
}

TEST_CASE("weights quantized on the way give what weights quantized beforehand give") {
  const SmallRun run(SmallRun::small_model());
  const TransformerConfig& config = run.weights.config();
  Weights before(pipelines().device(), config, DType::f32, WeightsUse::inference);
  for (const ParameterSpec& spec : parameters(config)) {
    const std::vector<float> values = run.weights.read(spec.name);
    const bool chosen = spec.name.find("_proj.weight") != std::string::npos || spec.kind == ParameterKind::head;
    if (!chosen) {
      before.write(spec.name, values);
      continue;
    }
    Array<double> w({1, static_cast<std::uint32_t>(spec.shape[0]), static_cast<std::uint32_t>(spec.shape[1])});
    std::copy(values.begin(), values.end(), w.data.begin());
    const Quantization q{.format = "int4", .granularity = "group", .group_size = 8};
    const ReferenceCodes codes = QuantizeReference(w, q, true).run();
    before.write(spec.name, std::vector<float>(codes.y.data.begin(), codes.y.data.end()));
  }
  const std::string quantize = "do = \"quantize\"\nbits = 4\ngranularity = \"group\"\ngroup_size = 8\n";
  CHECK(losses_under("[[intervention]]\nat = [\"linear_weights\", \"lm_head.weight\"]\n" + quantize, run.weights, run.data) ==
        losses_under("", before, run.data));
}

TEST_CASE("static ranges come from the data at hand or from a file of ranges") {
  const SmallRun run(SmallRun::small_model());
  const TemporaryFolder folder;
  RangesProbe ranges({"linear_inputs"}, "x.toml", {1});
  Evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.sequences = 4}).run({}, {&ranges});
  ranges.write(folder.path());
  for (const char* granularity : {"tensor", "channel"}) {
    const std::string table = fmt::format(
        "[[intervention]]\nat = \"linear_inputs\"\ndo = \"quantize\"\nbits = 5\ngranularity = \"{}\"\nrange = \"static\"\nexcept_tokens = 1\n",
        granularity);
    const std::string file = "statistics = \"" + (folder / "ranges.safetensors").string() + "\"\n";
    const std::vector<double> losses = losses_under(table, run.weights, run.data);
    CHECK(losses == losses_under(table + file, run.weights, run.data));
    CHECK(losses != losses_under("", run.weights, run.data));
  }
  CHECK_THROWS_WITH_AS(
      losses_under("[[intervention]]\nat = \"linear_inputs\"\ndo = \"quantize\"\nbits = 5\ngranularity = \"tensor\"\nrange = "
                   "\"static\"\nexcept_tokens = 2\nstatistics = \"" +
                       (folder / "ranges.safetensors").string() + "\"\n",
                   run.weights, run.data),
      doctest::Contains("without the first 2 tokens"), InputError);
}

TEST_CASE("ranges are extremes over sequences") {
  SmallRun run(SmallRun::small_model());
  ProbeSettings dump;
  dump.dump = {"layer.1.ffn.act"};
  run.measure("norm_ratio", dump);
  const std::vector<float>& x = run.dumped.at("layer.1.ffn.act");
  RangesProbe ranges({"layer.1.ffn.act"}, "x.toml", {3});
  Evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.sequences = 4}).run({}, {&ranges});
  for (const std::uint32_t except : {0u, 3u})
    for (std::size_t c = 0; c < 30; ++c) {
      float least = 1e9f, most = -1e9f;
      for (std::size_t row = 0; row < 72; ++row)
        if (row % 12 >= except) least = std::min(least, x[row * 30 + c]), most = std::max(most, x[row * 30 + c]);
      const RangesProbe::Range& range = ranges.ranges().at(RangesProbe::name_of("layer.1.ffn.act", except));
      CHECK(range.least[c] == least);
      CHECK(range.most[c] == most);
    }
}

TEST_CASE("a NaN that one sequence has is in the range of all, and nothing can be quantized by it") {
  SmallRun run(SmallRun::small_model());
  Weights& weights = run.weights;
  std::vector<float> embedding = weights.read("model.embed_tokens.weight");
  const std::size_t width = embedding.size() / 40;
  for (std::size_t c = 0; c < width; ++c) embedding[static_cast<std::size_t>(run.data.ids[0]) * width + c] = NAN;
  weights.write("model.embed_tokens.weight", embedding);
  RangesProbe ranges({"attn_norm"}, "x.toml", {});
  Evaluator(pipelines(), weights, DType::f32, run.data, nullptr, {.allow_non_finite = true, .sequences = 1}).run({}, {&ranges});
  for (const float most : ranges.ranges().at("layer.0.attn_norm").most) CHECK(std::isnan(most));
  IntactModel intact;
  intact.ranges = ranges.ranges();
  const std::string table =
      "[[intervention]]\nat = \"attn_norm\"\ndo = \"quantize\"\nbits = 8\ngranularity = \"tensor\"\nrange = \"static\"\n";
  CHECK_THROWS_WITH_AS(apply(interventions_of(table), weights.config(), intact, run.data.tokens()), doctest::Contains("not finite"),
                       RunError);
}

TEST_CASE("presets suit every kind of model") {
  for (const Subject& subject : subjects)
    for (const auto& [name, preset] : QuantizationPresets::all()) {
      CAPTURE(subject.name);
      CAPTURE(name);
      CHECK_NOTHROW(check_interventions(interventions_of("[[intervention]]\npreset = \"" + name + "\""), config_of(subject.model), tokens));
    }
}

TEST_CASE("a quantization that makes no sense is bad input, at its key") {
  const auto message = [](const std::string& text) {
    std::string what;
    try {
      check_interventions(interventions_of("[[intervention]]\n" + text), config_of(subjects[0].model), tokens);
    } catch (const InputError& error) {
      what = error.what();
    }
    return what;
  };
  const std::string inputs = "at = \"linear_inputs\"\ndo = \"quantize\"\n", weights = "at = \"linear_weights\"\ndo = \"quantize\"\n",
                    int8 = "format = \"int8\"\n", per_token = "granularity = \"token\"\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {inputs, "intervention.format"},
      {inputs + int8 + "bits = 8\n" + per_token, "intervention.bits"},
      {inputs + "bits = 1\n" + per_token, "intervention.bits"},
      {inputs + "format = \"int77\"\n" + per_token, "intervention.format"},
      {inputs + int8, "intervention.granularity"},
      {inputs + int8 + "granularity = \"row\"", "intervention.granularity"},
      {inputs + int8 + "granularity = \"group\"", "intervention.group_size"},
      {inputs + int8 + per_token + "group_size = 4", "intervention.group_size"},
      {inputs + int8 + per_token + "clip = 0", "intervention.clip"},
      {inputs + int8 + per_token + "clip = 1.5", "intervention.clip"},
      {inputs + int8 + per_token + "range = \"static\"", "intervention.range"},
      {inputs + int8 + per_token + "statistics = \"ranges.safetensors\"", "intervention.statistics"},
      {inputs + int8 + "granularity = \"tensor\"\nrange = \"static\"\nstatistics = \"nowhere.safetensors\"", "nowhere"},
      {inputs + int8 + per_token + "except_tokens = 6", "intervention.except_tokens"},
      {inputs + int8 + per_token + "except_tokens = -1", "intervention.except_tokens"},
      {inputs + int8 + "granularity = \"head\"\nhadamard = true", "intervention.hadamard"},
      {inputs + int8 + "granularity = \"tensor\"\nrange = \"static\"\nhadamard = true", "intervention.hadamard"},
      {"at = \"ffn.act\"\ndo = \"quantize\"\n" + int8 + per_token + "hadamard = true", "intervention.hadamard"},
      {inputs + int8 + per_token + "offset = \"minimum\"", "intervention.offset"},
      {inputs + "format = \"fp8-e4m3\"\nsymmetric = false\n" + per_token, "intervention.symmetric"},
      {inputs + "format = \"nvfp4\"\n" + per_token, "intervention.granularity"},
      {inputs + int8 + "granularity = \"head\"", "intervention.granularity"},
      {inputs + int8 + per_token + "tokens = [0]", "intervention.tokens"},
      {inputs + int8 + per_token + "value = 3", "intervention.value"},
      {"at = \"attn.probs\"\ndo = \"quantize\"\n" + int8 + per_token, "intervention.at"},
      {"at = \"nonesuch.weight\"\ndo = \"quantize\"\n" + int8 + "granularity = \"channel\"", "intervention.at"},
      {"at = \"linear_weights\"\ndo = \"zero\"", "intervention.at"},
      {"at = \"block.1\"\ndo = \"zero\"\nbits = 4", "bits"},
      {weights + int8 + per_token, "intervention.granularity"},
      {weights + int8 + "granularity = \"channel\"\nexcept_tokens = 1", "intervention.except_tokens"},
      {weights + int8 + "granularity = \"tensor\"\nrange = \"static\"", "intervention.range"},
      {"preset = \"w3\"", "w8a8-token"},
      {"preset = 3", "intervention.preset"},
      {"preset = \"w4\"\nexcept_tokens = 1", "intervention.except_tokens"},
      {"preset = \"w4a4\"\nbits = 8", "intervention.bits"},
      {"preset = \"w8a8-token\"\nstatistics = \"ranges.safetensors\"", "intervention.statistics"}};
  for (const auto& [text, part] : cases) {
    CAPTURE(text);
    const std::string what = message(text);
    CHECK_MESSAGE(what.find(part) != std::string::npos, what);
    if (part != "nowhere") CHECK_MESSAGE(what.find("x.toml:") != std::string::npos, what);  // the file is named itself
  }
  CHECK(message(inputs + int8 + per_token) == "");
}
