// What is not finite is counted, named, and ends a run unless it is allowed.
#include "ops/statistics/non_finite.h"
#include "anatomy.h"
#include "model/json_settings.h"
#include "ops/statistics/counters.h"
#include "small_run.h"
#include "support/op_run.h"
#include "support/places.h"
#include "support/run_request.h"

#include <cmath>
#include <limits>

using namespace ablate;
using namespace ablate::test;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

CheckpointFolder planted() { return CheckpointFolder(test::tests_folder() / "golden" / "hf" / "planted"); }
EvaluationData planted_data() {
  return ids_of(SafetensorsFile(test::tests_folder() / "golden" / "hf" / "planted" / "expected.safetensors"));
}

Weights planted_weights(DType type = DType::f32) {
  const CheckpointFolder checkpoint = planted();
  Weights weights(pipelines().device(), checkpoint.config(), type, WeightsUse::inference);
  weights.load(checkpoint);
  return weights;
}

Hooks edited(const std::string& text) {
  Settings settings(parse_toml(text, "x.toml"));
  const EvaluationData data = planted_data();
  return apply({InterventionSettings::from(settings)}, planted().config(), {}, data.tokens()).hooks;
}

struct Measured {
  Evaluation evaluation;
  Metrics metrics;
};

Measured measure_all(const Weights& weights, const Hooks& hooks, DType type, bool allow) {
  Settings own(parse_toml("", "own.toml"));
  const ProbeSettings settings;
  std::vector<std::unique_ptr<Probe>> probes;
  std::vector<Probe*> list;
  for (const char* name : {"spikes", "sinks", "massive", "residual_norms", "norm_ratio", "value_states"}) {
    probes.push_back(Probes::find("statistic", name)(settings, own));
    list.push_back(probes.back().get());
  }
  Measured result;
  result.evaluation = Evaluator(pipelines(), weights, type, planted_data(), nullptr, {.allow_non_finite = allow}).run(hooks, list);
  for (Probe* probe : list) probe->finish(result.metrics);
  return result;
}

std::string refusal(const Weights& weights, const Hooks& hooks, DType type = DType::f32) {
  try {
    measure_all(weights, hooks, type, false);
  } catch (const RunError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("count_non_finite: how many, the first row, and of which kind") {
  struct Case {
    std::uint32_t rows, dim;
    std::vector<std::pair<std::size_t, double>> bad;  // element and value
    std::uint32_t row;
    bool nan;
  };
  for (const DType type : float_types) {
    if (!can_store("count_non_finite", type)) continue;
    for (const Case& c :
         {Case{3, 7, {}, 0, false}, Case{3, 7, {{20, nan_value}}, 2, true}, Case{1, 1, {{0, -infinity}}, 0, false},
          Case{5, 64, {{130, infinity}, {300, nan_value}}, 2, false}, Case{5, 64, {{130, infinity}, {131, -nan_value}}, 2, true},
          Case{2, 4099, {{4098, infinity}, {8000, infinity}}, 0, false}, Case{700, 33, {{23099, nan_value}}, 699, true}}) {
      const OpInput input{{c.rows, c.dim}, type, false, 1.0, [&c](std::size_t i) {
                            for (const auto& [at, value] : c.bad)
                              if (at == i) return value;
                            return i % 5 == 0 ? 60000.0 : -1e-3;  // near the largest of f16
                          }};
      const auto results = run_op({input}, random_inputs({input}), [](Graph& g, const auto& in) -> std::vector<Tensor> {
        const Tensor found = counters(g, {2});
        count_non_finite(g, in[0], found);
        return {found};
      });
      const std::vector<std::int32_t> words = {static_cast<std::int32_t>(results[0][0]), static_cast<std::int32_t>(results[0][1])};
      const NonFinite found = NonFinite::of(words);
      CAPTURE(type);
      CAPTURE(c.dim);
      CHECK(found.count == c.bad.size());
      CHECK(found.row == c.row);
      CHECK(found.nan == c.nan);
    }
  }
}

TEST_CASE("the first state, token and op that are not finite are named") {
  const Weights weights = planted_weights();
  CHECK(refusal(weights, {}).empty());
  const std::string set = refusal(weights, edited("at = \"block.2\"\ndo = \"set\"\nchannels = [1]\ntokens = [5]\nvalue = nan"));
  CHECK_MESSAGE(set.starts_with("residual.2 (block 2, feed-forward), sequence 0, token 5: NaN in f32; it begins at block.2, which "), set);
  CHECK_MESSAGE(set.find("probe.allow_non_finite = true") != std::string::npos, set);

  Weights bad = planted_weights();
  std::vector<float> up = bad.read("model.layers.1.mlp.up_proj.weight");
  up[5] = std::numeric_limits<float>::quiet_NaN();
  bad.write("model.layers.1.mlp.up_proj.weight", up);
  const std::string weight = refusal(bad, {});
  CHECK_MESSAGE(weight.starts_with(
                    "residual.4 (block 4, feed-forward), sequence 0, token 0: NaN in f32; it begins at layer.1.ffn.up, which layer.1.ffn"),
                weight);

  Weights head = planted_weights();
  const std::string name = head.config().tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  std::vector<float> matrix = head.read(name);
  if (name == "lm_head.weight") {
    matrix.back() = std::numeric_limits<float>::infinity();
    head.write(name, matrix);
    const std::string loss = refusal(head, {});
    CHECK_MESSAGE(loss.starts_with("the loss of sequence "), loss);
    CHECK_MESSAGE(loss.find("it begins at the logits") != std::string::npos, loss);
  }
}

// Found by its token's embedding, in the fourth sequence only.
TEST_CASE("the first sequence that is not finite is named, however many go at once") {
  SmallRun run(SmallRun::small_model());
  for (std::int32_t& id : run.data.ids) id = id % 39;
  run.data.ids[5 * run.data.columns + 2] = run.data.ids[3 * run.data.columns + 4] = 39;
  std::vector<float> embedding = run.weights.read("model.embed_tokens.weight");
  embedding[39 * 24 + 7] = std::numeric_limits<float>::quiet_NaN();
  run.weights.write("model.embed_tokens.weight", embedding);
  for (const std::uint32_t at_once : {1u, 2u, 6u}) {
    CAPTURE(at_once);
    Evaluator evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.allow_non_finite = true, .sequences = at_once});
    CHECK(evaluator.run({}, {}).first_non_finite == "residual.0 (the embedding), sequence 3, token 4: NaN in f32; it begins at residual.0");
  }
}

// States of 1e30 are finite, their norms in f32 are not.
TEST_CASE("statistics that are not finite of states that are") {
  SmallRun run(SmallRun::small_model());
  const Hooks hooks = run.edited({"at = \"residual.4\"\ndo = \"set\"\nchannels = [1]\ntokens = [0]\nvalue = 1e30"});
  for (const bool allow : {false, true}) {
    Settings own(parse_toml("", "own.toml"));
    const auto norms = Probes::find("statistic", "residual_norms")(ProbeSettings{}, own);
    Evaluator evaluator(pipelines(), run.weights, DType::f32, run.data, nullptr, {.allow_non_finite = allow});
    if (!allow) {
      CHECK_THROWS_WITH_AS(evaluator.run(hooks, {norms.get()}), doctest::Contains("6 numbers that statistics read are not finite"),
                           RunError);
      continue;
    }
    const Evaluation evaluation = evaluator.run(hooks, {norms.get()});
    CHECK(evaluation.non_finite == 0);
    CHECK(evaluation.non_finite_statistics == run.data.rows);
    CHECK(evaluation.first_non_finite.starts_with("6 numbers that statistics read are not finite"));
  }
}

TEST_CASE("activations that overflow in 16 bits") {
  if (!pipelines().device().caps().storage16) return skip("overflow in f16", "no 16-bit storage");
  Weights weights = planted_weights(DType::f16);
  const Hooks larger =
      edited("at = \"block.4\"\ndo = \"scale\"\nchannels = [7]\ntokens = [0]\nvalue = 100.0");  // the spike of 900 becomes 90,000
  CHECK(refusal(weights, larger, DType::f16)
            .starts_with("residual.4 (block 4, feed-forward), sequence 0, token 0: infinity in f16; it begins at block.4"));
  if (pipelines().device().caps().storage16) {
    Weights wide = planted_weights(DType::bf16);
    CHECK(refusal(wide, larger, DType::bf16).empty());
  }
}

TEST_CASE("where it is allowed, no statistic that it entered is a number") {
  const Weights weights = planted_weights();
  for (const bool nan : {true, false}) {
    CAPTURE(nan);
    const Measured m = measure_all(
        weights, edited(std::string("at = \"block.2\"\ndo = \"set\"\nchannels = [1]\ntokens = [0]\nvalue = ") + (nan ? "nan" : "inf")),
        DType::f32, true);
    CHECK(m.evaluation.non_finite > 0);
    CHECK(m.evaluation.first_non_finite.starts_with("residual.2 (block 2, feed-forward), sequence 0, token 0: "));
    CHECK_FALSE(std::isfinite(m.metrics.number("spike")));
    CHECK_FALSE(std::isfinite(list(m.metrics, "spike_per_state").at(3)));
    CHECK(std::isfinite(list(m.metrics, "spike_per_state").at(1)));
    CHECK(m.metrics.number("spike_state") == (nan ? 2 : 3));  // an infinity becomes NaN behind the next norm, which counts as larger
    CHECK(std::isnan(m.metrics.number("sink_ratio")));
    CHECK(std::isnan(m.metrics.number("sink_mass")));
    CHECK_FALSE(std::isfinite(list(m.metrics, "residual_norm_first").at(2)));
    CHECK_FALSE(std::isfinite(list(m.metrics, "norm_ratio").at(2)));
    CHECK(list(m.metrics, "massive_per_state").at(2) > 0);
    CHECK_FALSE(std::isfinite(*m.evaluation.loss));
  }
}

TEST_CASE("a row that is not finite fails and says why, or says what is not") {
  const std::string plan = R"(
name = "n"
kind = "intervene"
model = {preset = "planted", vocab_size = 35, bos_token_id = 33}
data = {source = "bigram_backcopy", symbols = 33}
probe = {sequences = 4, seq_len = 16, statistics = ["massive"]}
[[variant]]
name = "intact"
[[variant]]
name = "one NaN a sequence"
intervention = [{at = "block.2", do = "set", channels = [1], tokens = [0], value = nan}]
)";
  for (const bool allow : {false, true}) {
    CAPTURE(allow);
    const TemporaryFolder folder;
    CHECK(run_plan(run_request(folder, plan, {std::string("probe.allow_non_finite=") + (allow ? "true" : "false")})) == (allow ? 0 : 1));
    Settings results = settings_from_json(read_text(folder.path() / "runs/n/results.json"), "results.json");
    std::vector<Settings> rows = results.tables("rows");
    REQUIRE(rows.size() == 2);
    Settings intact = rows[0].table("metrics"), bad = rows[1].table("metrics");
    CHECK(intact.get<double>("spike") > 800);
    CHECK_FALSE(intact.has("non_finite"));
    const std::string where = "residual.2 (block 2, feed-forward), sequence 0, token 0: NaN in f32; it begins at block.2";
    if (allow) {
      CHECK(bad.get<double>("non_finite") > 0);
      CHECK(bad.get<std::string>("non_finite_first") == where);
      CHECK(read_text(folder.path() / "runs/n/results.json").find("\"spike\": null") != std::string::npos);
    } else {
      CHECK(rows[1].get<std::string>("error").starts_with(where));
      CHECK_FALSE(bad.has("spike"));
    }
    CHECK(read_text(folder.path() / "runs/n/report.html").find("100 %") == std::string::npos);
  }
}

TEST_CASE("what the only point fails with is what the run fails with") {
  const TemporaryFolder folder;
  const std::string plan = R"(
name = "n"
kind = "intervene"
model = {preset = "planted", vocab_size = 35, bos_token_id = 33}
data = {source = "bigram_backcopy", symbols = 33}
probe = {sequences = 2, seq_len = 8}
intervention = [{at = "block.2", do = "set", channels = [1], tokens = [0], value = nan}]
)";
  CHECK_THROWS_WITH_AS(run_plan(run_request(folder, plan)), doctest::Contains("residual.2 (block 2, feed-forward)"), RunError);
  CHECK(read_text(folder.path() / "runs/n/results.json").find("residual.2 (block 2, feed-forward)") != std::string::npos);
}
