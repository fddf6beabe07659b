// A statistic is of the sequences, however many of them go through the model at once: every registered one, to the last bit.
#include "anatomy.h"
#include "experiment/results.h"
#include "experiment/run/bigram_probe.h"
#include "probe/dump.h"
#include "probe/interventions.h"
#include "support/temporary_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

using namespace ablate;
using namespace ablate::test;

namespace {

constexpr std::uint32_t sequences = 9,
                        tokens = 7;  // rows of 7 tokens: nothing that is added up starts at a multiple of four in all of them

TransformerConfig odd_model() {
  TransformerConfig config;
  config.d_model = 30, config.n_layers = 3, config.n_heads = 3, config.n_kv_heads = 3, config.head_dim = 10, config.d_ffn = 45;
  config.vocab_size = 35;
  return config;
}

Weights odd_weights() {
  Weights weights(pipelines().device(), odd_model(), DType::f32, WeightsUse::inference);
  weights.initialize("paper", 7);
  // Larger than at the start of a training, so that heads and channels differ.
  for (const ParameterSpec& spec : parameters(odd_model())) {
    if (spec.shape.size() < 2 || spec.name.find("embed") != std::string::npos) continue;
    std::vector<float> values = weights.read(spec.name);
    for (float& value : values) value *= 12;
    weights.write(spec.name, values);
  }
  return weights;
}

const BigramTask& task() {
  static const BigramTask task(random_chain(33, 1.5, 1), {}, 3);
  return task;
}

EvaluationData task_data() {
  EvaluationData data{.rows = sequences, .columns = tokens + 1, .ids = {}, .shifted = true, .positions = std::nullopt};
  data.ids.resize(std::size_t{sequences} * data.columns);
  for (std::uint32_t row = 0; row < sequences; ++row)
    task().sequence("validation", row, data.columns, &data.ids[std::size_t{row} * data.columns]);
  return data;
}

// What a statistic's own table needs.
std::string own_settings(const std::string& statistic) {
  if (statistic == "ranges") return "at = [\"attn_norm\", \"block.2\"]\nexcept_tokens = 1";
  if (statistic == "sqnr") return "bits = 4\ngranularity = \"token\"";
  return statistic == "means" ? "at = [\"residual.2\", \"step_up\", \"layer.1.attn.v\"]" : "";
}

// Thresholds that entries of a small model reach.
ProbeSettings low_thresholds() {
  ProbeSettings settings;
  settings.massive_threshold = 1, settings.massive_ratio = 2, settings.sink_length = 5, settings.sink_sequences = 6;
  settings.dump = {"residual.*", "attn.probs"};
  return settings;
}

std::unique_ptr<Probe> make(const std::string& statistic) {
  if (statistic == "dump") return std::make_unique<DumpProbe>(low_thresholds());
  if (statistic == "bigram") return std::make_unique<BigramProbe>(task());
  Settings own(parse_toml(own_settings(statistic), "own.toml"));
  return Probes::find("statistic", statistic)(low_thresholds(), own);
}

/// All that comes of a statistic: its metrics and figures with every digit, and its files.
std::string everything(const std::string& statistic, const Weights& weights, const Hooks& hooks, std::uint32_t at_once) {
  const auto probe = make(statistic);
  Evaluator evaluator(pipelines(), weights, DType::f32, task_data(), nullptr, {.allow_non_finite = true, .sequences = at_once});
  const Evaluation evaluation = evaluator.run(hooks, {probe.get()});
  Metrics metrics;
  if (evaluation.loss) metrics.set("loss", *evaluation.loss);
  metrics.set("counted", static_cast<double>(evaluation.counted));
  metrics.set("non_finite", static_cast<double>(evaluation.non_finite));
  metrics.set("non_finite_statistics", static_cast<double>(evaluation.non_finite_statistics));
  metrics.set("non_finite_first", evaluation.first_non_finite);
  probe->finish(metrics);
  std::string all = to_json(metrics, 1);
  const TemporaryFolder folder;
  probe->write(folder.path());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) all += file.filename().string() + ":" + read_text(file);
  return all;
}

std::vector<std::string> all_statistics() {
  std::vector<std::string> names = {"dump", "bigram"};
  for (const auto& [name, maker] : Probes::all()) names.push_back(name);
  return names;
}

void check_all(const Weights& weights, const Hooks& hooks) {
  const std::vector<std::string> names = all_statistics();
  CHECK(names.size() >= 14);
  for (const std::string& statistic : names) {
    CAPTURE(statistic);
    const std::string whole = everything(statistic, weights, hooks, sequences);
    CHECK(whole.size() > 100);
    for (const std::uint32_t at_once : {1u, 2u, 3u, 7u}) {
      CAPTURE(at_once);
      const std::string parts = everything(statistic, weights, hooks, at_once);
      const auto differ = std::mismatch(whole.begin(), whole.end(), parts.begin(), parts.end()).first - whole.begin();
      CHECK_MESSAGE(parts == whole, "from \"", whole.substr(static_cast<std::size_t>(std::max<std::ptrdiff_t>(differ - 60, 0)), 120), "\"");
    }
  }
}

// An intervention on all sequences at some tokens.
AppliedInterventions edited(const std::string& table) {
  Settings settings(parse_toml(table, "x.toml"));
  return apply({InterventionSettings::from(settings)}, odd_model(), {}, tokens);
}

}  // namespace

TEST_CASE("every statistic is the same for 1, 2, 3, 7 and all sequences at once") { check_all(odd_weights(), {}); }

TEST_CASE("so is every statistic of what is not finite") {
  for (const char* value : {"nan", "inf"})
    check_all(odd_weights(), edited(std::string("at = \"block.3\"\ndo = \"set\"\nchannels = [4]\ntokens = [5]\nvalue = ") + value).hooks);
}

TEST_CASE("so is every statistic of a model without a block, and none is of the block") {
  const Hooks hooks = edited("at = \"block.3\"\ndo = \"skip\"").hooks;
  const Weights weights = odd_weights();
  check_all(weights, hooks);
  const auto spikes = make("spikes"), sinks = make("sinks"), values = make("value_states");
  Evaluator(pipelines(), weights, DType::f32, task_data()).run(hooks, {spikes.get(), sinks.get(), values.get()});
  Metrics metrics;
  for (const auto* probe : {&spikes, &sinks, &values}) (*probe)->finish(metrics);
  CHECK(std::isnan(list(metrics, "block_top").at(2)));
  CHECK(std::isfinite(list(metrics, "block_top").at(3)));
  for (const char* name : {"step_up_blocks", "step_down_blocks"})
    for (const double block : list(metrics, name)) CHECK(block != 3);
  CHECK(std::isnan(table(metrics, "sink_score").at(1).at(0)));
  CHECK(std::isfinite(table(metrics, "sink_score").at(2).at(0)));
  CHECK(std::isfinite(metrics.number("sink_mass")));
  CHECK(std::isnan(list(metrics, "value_norm_first").at(1)));
}

TEST_CASE("every statistic says what it can set, and sets no more and no less") {
  // What is one number for one layer, and what learned keys bring.
  TransformerConfig small = odd_model();
  small.n_layers = 1, small.attention_bias = AttentionBias::kv;
  Weights small_weights(pipelines().device(), small, DType::f32, WeightsUse::inference);
  small_weights.initialize("paper", 7);
  const Weights weights = odd_weights();
  for (const std::string& statistic : all_statistics()) {
    CAPTURE(statistic);
    std::set<std::string> set, said;
    for (const Weights* model : {&weights, static_cast<const Weights*>(&small_weights)}) {
      if (statistic == "means" && model == &small_weights) continue;  // its settings name a second layer
      const auto probe = make(statistic);
      Evaluator(pipelines(), *model, DType::f32, task_data()).run({}, {probe.get()});
      Metrics metrics;
      probe->finish(metrics);
      for (const auto& [name, metric] : metrics) {
        if (std::holds_alternative<std::vector<Figure>>(metric)) continue;
        set.insert(name + (std::holds_alternative<double>(metric) ? "" : std::holds_alternative<std::string>(metric) ? " as text" : "[]"));
      }
      const MetricNames names = probe->yields();
      for (const std::string& name : names.numbers) said.insert(name);
      for (const std::string& name : names.lists) said.insert(name + "[]");
      for (const std::string& name : names.texts) said.insert(name + " as text");
    }
    CHECK(fmt::format("{}", fmt::join(set, " ")) == fmt::format("{}", fmt::join(said, " ")));
  }
}

TEST_CASE("how many sequences go at once is recorded, and replayed") {
  struct Counter : Probe {
    void begin(const TransformerConfig&, std::uint32_t, std::uint32_t) override {}
    void collect(Executor&, const ProbeBatch& batch) override { rows.push_back(batch.rows); }
    void finish(Metrics&) override {}
    std::vector<std::uint32_t> rows;
  };
  const Weights weights = odd_weights();
  const auto rows = [&](Tuner& tuner) {
    Counter counter;
    Evaluator(pipelines(), weights, DType::f32, task_data(), &tuner).run({}, {&counter});
    return counter.rows;
  };
  std::map<std::string, std::string> kept;
  Tuner first(pipelines(), {}, [&](Choices& choices, std::size_t, double) { kept = choices.answers(); });
  CHECK(rows(first) == std::vector<std::uint32_t>{sequences});
  const auto recorded =
      std::find_if(kept.begin(), kept.end(), [](const auto& entry) { return entry.first.starts_with("sequences at once"); });
  REQUIRE(recorded != kept.end());
  CHECK(recorded->second == std::to_string(sequences));
  Choices choices;
  choices.set(recorded->first, "4");
  Tuner resumed(pipelines(), choices, {});
  CHECK(rows(resumed) == std::vector<std::uint32_t>{4, 4, 1});
}
