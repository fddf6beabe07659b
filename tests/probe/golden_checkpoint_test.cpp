// Whole checkpoints against Transformers in float64: loss, logits, states, block outputs, sink scores; and one of them with a block's
// output removed.
#include "anatomy.h"
#include "first_sequence.h"
#include "probe/interventions.h"
#include "support/golden.h"
#include "support/places.h"
#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace ablate;
using namespace ablate::test;

using Json = nlohmann::json;

namespace {

// Of bf16 weights only this set has what they give themselves (tools/trim_goldens.py).
std::filesystem::path folder_of(const std::string& name) {
  return (name == "llama_bf16" ? test::tests_folder() / "golden" : golden_folder()) / "hf" / name;
}

Json index_of(const std::string& name) { return Json::parse(read_text(folder_of(name).parent_path() / "index.json")).at(name); }

/// How far (T, C) is from what is expected at some of its positions, (P, C): the largest difference over `sizes`, one per position, each at
/// least 1, and first raised to the largest value that is expected there.
double error(const std::vector<float>& found, std::span<const float> expected, std::span<const std::int32_t> positions,
             std::vector<double>& sizes) {
  const std::size_t channels = expected.size() / positions.size();
  double worst = 0;
  for (std::size_t p = 0; p < positions.size(); ++p) {
    const std::span<const float> wanted = expected.subspan(p * channels, channels);
    const float* got = &found[static_cast<std::size_t>(positions[p]) * channels];
    for (const float value : wanted) sizes[p] = std::max(sizes[p], std::abs(static_cast<double>(value)));
    for (std::size_t c = 0; c < channels; ++c) {
      const double difference = std::abs(static_cast<double>(got[c]) - static_cast<double>(wanted[c])) / sizes[p];
      if (!(difference <= worst)) worst = difference;
    }
  }
  return worst;
}

struct Golden {
  explicit Golden(const std::string& name)
      : checkpoint(folder_of(name)), expected(folder_of(name) / "expected.safetensors"), index(index_of(name)), data(ids_of(expected)) {
    if (expected.contains("positions")) positions = expected.at("positions").integers();
    else
      for (std::uint32_t t = 0; t < data.columns; ++t) positions.push_back(static_cast<std::int32_t>(t));
  }

  CheckpointFolder checkpoint;
  SafetensorsFile expected;
  Json index;
  EvaluationData data;
  std::vector<std::int32_t> positions;
};

Evaluation run(const Golden& golden, DType stored, const Hooks& hooks, const std::vector<Probe*>& probes) {
  Weights weights(pipelines().device(), golden.checkpoint.config(), stored, WeightsUse::inference);
  weights.load(golden.checkpoint);
  return Evaluator(pipelines(), weights, DType::f32, golden.data).run(hooks, probes);
}

// Entries of a state or logits: sums of up to 160 f32 products through up to 8 blocks, each of them rounded by 2^-24: sqrt(160) * 8 * 6e-8
// = 6e-6 of the size.
constexpr double tolerance = 1e-5;

void check_golden(const std::string& name, DType stored) {
  CAPTURE(name);
  const Golden golden(name);
  FirstSequence seen(/*blocks=*/true);
  ProbeSettings settings;
  Settings own(parse_toml("", ""));
  const auto spikes = Probes::find("statistic", "spikes")(settings, own), sinks = Probes::find("statistic", "sinks")(settings, own);
  const Evaluation evaluation = run(golden, stored, {}, {&seen, spikes.get(), sinks.get()});
  const double nll = golden.index.at("mean_nll");
  CHECK(std::abs(evaluation.loss.value() - nll) <= 1e-5 * nll);

  // What is left of a spike that the step-down block took away: its rounding, on states of size 1.
  const double logits_tolerance = tolerance + 0x1p-24 * golden.index.at("spike").get<double>();
  const auto compare = [&](const std::string& hook, const std::string& tensor, std::size_t first, std::vector<double>& sizes) {
    CAPTURE(hook);
    const std::size_t count = golden.positions.size() * seen.channels.at(hook);
    const std::vector<float> all = golden.expected.at(tensor).floats();
    CHECK(error(seen.values.at(hook), std::span(all).subspan(first * count, count), golden.positions, sizes) <=
          (hook == "logits" ? logits_tolerance : tolerance));
  };
  std::vector<double> logits(golden.positions.size(), 1.0), states = logits;
  compare("logits", "logits", 0, logits);
  compare("residual.0", "states", 0, states);
  for (int i = 1; i <= golden.checkpoint.config().blocks(); ++i) {
    compare("residual." + std::to_string(i), "states", static_cast<std::size_t>(i), states);
    compare("block." + std::to_string(i), "block_outputs", static_cast<std::size_t>(i) - 1, states);
  }

  Metrics metrics;
  spikes->finish(metrics), sinks->finish(metrics);
  const auto per_state = golden.index.at("spike_per_state").get<std::vector<double>>();
  for (std::size_t i = 0; i < per_state.size(); ++i)
    CHECK(list(metrics, "spike_per_state").at(i) == doctest::Approx(per_state[i]).epsilon(tolerance));
  const auto scores = golden.index.at("sink_score_key0").get<std::vector<std::vector<double>>>();
  for (std::size_t layer = 0; layer < scores.size(); ++layer)
    for (std::size_t head = 0; head < scores[layer].size(); ++head)
      CHECK(table(metrics, "sink_score").at(layer).at(head) == doctest::Approx(scores[layer][head]).epsilon(tolerance).scale(1));
}

}  // namespace

TEST_CASE("checkpoints compute what Transformers computes") {
  const Json index = Json::parse(read_text(golden_folder() / "hf" / "index.json"));
  REQUIRE(index.size() >= 4);
  for (const auto& [name, entry] : index.items()) check_golden(name, DType::f32);
}

TEST_CASE("weights kept in 16 bits are those of the file") {
  if (!pipelines().device().caps().storage16) return skip("weights in bf16", "no 16-bit storage");
  check_golden("llama_bf16", DType::bf16);
}

TEST_CASE("with the step-down block's output zeroed the spike stays to the end") {
  const Golden golden("planted");
  const Json& expected = golden.index.at("step_down_block_output_zeroed");
  FirstSequence intact_run(/*blocks=*/true);
  run(golden, DType::f32, {}, {&intact_run});
  const std::vector<float>& output = intact_run.values.at("block.8");
  const auto whole = std::size_t{golden.data.rows} * golden.data.tokens() * 64;
  REQUIRE(output.size() == whole);  // all sequences ran at once
  const auto not_zero = whole - static_cast<std::size_t>(std::count(output.begin(), output.end(), 0.0f));
  for (const char* text :
       {"at = \"block.8\"\ndo = \"zero\"", "at = \"step_down\"\ndo = \"zero\"", "at = \"step_down\"\ndo = \"skip\"",
        "at = \"block.8\"\ndo = \"zero\"\ntokens = \"spike\"\nchannels = \"spike\"", "at = \"step_down\"\ndo = \"clamp\"\nvalue = 0"}) {
    CAPTURE(std::string(text));
    const bool all_of_it = std::string(text).find("channels") == std::string::npos;
    Settings settings(parse_toml(text, "x.toml")), own(parse_toml("", ""));
    IntactModel intact;
    intact.spike = {.value = 900, .channels = {7, 33}};
    intact.step_up_blocks = {4}, intact.step_down_blocks = {8};
    const AppliedInterventions applied =
        apply({InterventionSettings::from(settings)}, golden.checkpoint.config(), intact, golden.data.tokens());
    const auto spikes = Probes::find("statistic", "spikes")(ProbeSettings{}, own);
    const Evaluation evaluation = run(golden, DType::f32, applied.hooks, {spikes.get(), applied.changes.get()});
    CHECK(applied.changes->total() == (all_of_it ? not_zero : std::size_t{golden.data.rows} * 2));
    Metrics metrics;
    spikes->finish(metrics);
    // A block that is no longer added to the stream steps neither up nor down.
    if (all_of_it) CHECK(list(metrics, "step_down_blocks").empty());
    CHECK(list(metrics, "spike_per_state").back() == doctest::Approx(expected.at("spike_final").get<double>()).epsilon(1e-5));
    // The spike's two channels carry all of the block's effect on the first token; the other tokens keep theirs then.
    if (all_of_it) CHECK(evaluation.loss.value() == doctest::Approx(expected.at("mean_nll").get<double>()).epsilon(1e-5));
    else CHECK(evaluation.loss.value() != doctest::Approx(golden.index.at("mean_nll").get<double>()).epsilon(1e-5));
  }
}

TEST_CASE("tokens = \"largest\" is where every sequence has its largest magnitude, and means are what was there") {
  const Golden golden("planted");
  const auto changed = [&](const std::string& text, const IntactModel& intact) {
    Settings settings(parse_toml(text, "x.toml"));
    return apply({InterventionSettings::from(settings)}, golden.checkpoint.config(), intact, golden.data.tokens());
  };
  FirstSequence before, after;
  MeansProbe means({"residual.3"}, "test", ProbeSettings{});
  run(golden, DType::f32, {}, {&before, &means});
  const std::vector<float>& state = before.values.at("residual.3");
  const auto row_length = static_cast<std::ptrdiff_t>(golden.data.tokens()) * 64;
  const auto largest =
      std::max_element(state.begin(), state.begin() + row_length, [](float a, float b) { return std::abs(a) < std::abs(b); });
  const std::ptrdiff_t token = (largest - state.begin()) / 64;

  const AppliedInterventions zero = changed("at = \"residual.3\"\ndo = \"zero\"\ntokens = \"largest\"", {});
  run(golden, DType::f32, zero.hooks, {&after, zero.changes.get()});
  // The first token of all sequences is the same, and so is its state.
  REQUIRE(token == 0);
  CHECK(zero.changes->total() == golden.data.rows * (64 - std::count(state.begin(), state.begin() + 64, 0.0f)));
  for (std::ptrdiff_t i = 0; i < row_length; ++i)
    CHECK(after.values.at("residual.3")[static_cast<std::size_t>(i)] == (i / 64 == token ? 0.0f : state[static_cast<std::size_t>(i)]));

  const TemporaryFolder folder;
  means.write(folder.path());
  CHECK(means.means().at("residual.3.largest").tokens == 1);
  const std::string file = "statistics = \"" + (folder / "means.safetensors").string() + "\"\n";
  for (const std::string& from : {std::string(), file}) {
    IntactModel intact;
    if (from.empty()) intact.means = means.means();
    const AppliedInterventions mean = changed("at = \"residual.3\"\ndo = \"mean\"\ntokens = \"largest\"\n" + from, intact);
    run(golden, DType::f32, mean.hooks, {&after});
    // Every sequence's largest magnitude is its first token's, which is the same in all of them: the mean is the value, but for rounding.
    REQUIRE(token == 0);
    for (std::size_t i = 0; i < 64; ++i) CHECK(after.values.at("residual.3")[i] == doctest::Approx(state[i]).epsilon(1e-6));
  }
}

TEST_CASE("means of the blocks that step up are found and recorded") {
  const Golden golden("planted");
  MeansProbe found({"step_up", "residual.1"}, "test", ProbeSettings{}), named({"block.4", "residual.1"}, "test", ProbeSettings{});
  run(golden, DType::f32, {}, {&found, &named});
  const auto a = found.means(), b = named.means();
  REQUIRE(a.size() == 4);
  for (const auto& [name, mean] : b) CHECK(a.at(name).values == mean.values);
  CHECK(a.at("block.4").values[7] == doctest::Approx(900).epsilon(1e-5));
  CHECK(a.at("block.4.largest").values[33] == doctest::Approx(-400).epsilon(1e-5));
}

TEST_CASE("a probe's memory does not hold the states of all layers") {
  const auto memory = [](int layers) {
    TransformerConfig config;
    config.d_model = 64, config.n_layers = layers, config.n_heads = config.n_kv_heads = 4, config.head_dim = 16, config.d_ffn = 128;
    config.vocab_size = 96;
    Weights weights(pipelines().device(), config, DType::f32, WeightsUse::inference);
    weights.initialize("paper", 1);
    Settings own(parse_toml("", ""));
    const auto spikes = Probes::find("statistic", "spikes")(ProbeSettings{}, own),
               sinks = Probes::find("statistic", "sinks")(ProbeSettings{}, own);
    const EvaluationData data{
        .rows = 2, .columns = 64, .ids = std::vector<std::int32_t>(128, 5), .shifted = false, .positions = std::nullopt};
    return static_cast<std::int64_t>(Evaluator(pipelines(), weights, DType::f32, data).run({}, {spikes.get(), sinks.get()}).memory);
  };
  // What is kept of a layer: the token with the largest entry of two states, importances and masses of 4 heads, and for as many sequences a few numbers of
  // each state and block.
  const std::int64_t state = 2 * 64 * 64 * 4, one_layer = 2 * (2 * 64 * 4) + 2 * 4 * 65 * 4;
  CHECK(memory(8) - memory(2) <= 6 * (one_layer + 40 * 256));  // every piece takes whole 256 bytes
  CHECK(one_layer + 40 * 256 < state);
}
