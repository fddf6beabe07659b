// kind = "probe" looks at a model, kind = "intervene" at one that is changed while it runs: the same code, the second with [[intervention]]
// tables.
#include "experiment/run/data.h"
#include "experiment/run/forecast.h"
#include "experiment/run/kind.h"
#include "experiment/run/model_source.h"
#include "experiment/run/point_probes.h"
#include "probe/evaluation.h"
#include "probe/interventions.h"

#include <cmath>
#include <memory>

namespace ablate {
namespace {

// Everything the experiment file says, read and checked.
struct Study {
  ModelSource model;
  ProbeSettings probe;
  std::vector<InterventionSettings> interventions;
  EvaluationData data;
  std::string model_key;  // what makes two points share their weights
};

EvaluationData read_data(const Batch& batch) {
  return {static_cast<std::uint32_t>(batch.rows), static_cast<std::uint32_t>(batch.columns), batch.ids, false, std::nullopt};
}

// statistics = "@ID" names the means that another point of the same run has recorded.
void find_recorded(const PointRun& run, std::vector<InterventionSettings>& interventions) {
  for (InterventionSettings& in : interventions) {
    if (!in.statistics.starts_with("@")) continue;
    in.statistics = (run.folder.parent_path() / in.statistics.substr(1) / "means.safetensors").string();
  }
}

Study read_study(PointRun& run) {
  Settings model = run.settings.table("model"), probe = run.settings.table("probe"), train = run.settings.table("train");
  Study study;
  study.model = ModelSource::from(model, train.get("init_rule", "paper"), run.seed());
  study.model_key = to_text(model.resolved()) + std::to_string(run.seed());
  study.probe = ProbeSettings::from(probe);
  study.interventions = InterventionSettings::all(run.settings);
  require(run.point.kind == "intervene" || study.interventions.empty(),
          "{}: kind = \"probe\" takes no interventions; say kind = \"intervene\"",
          study.interventions.empty() ? "" : study.interventions[0].where("at"));
  const auto source = open_point_data(run, study.model.config, model.get("checkpoint", ""));
  const bool own_width = study.probe.seq_len == 0 && source->own_columns() > 0, endless = source->task() != nullptr;
  study.data = read_data(source->probe(study.probe.sequences == 0 && endless ? 64 : study.probe.sequences, own_width ? 0
                                                                                                           : study.probe.seq_len == 0
                                                                                                               ? 256
                                                                                                               : study.probe.seq_len));
  const TransformerConfig& config = study.model.config;
  for (const std::string& pattern : study.probe.dump) matching_hooks(config, pattern, probe.where("dump"));
  check_interventions(study.interventions, config, study.data.tokens());
  find_recorded(run, study.interventions);
  for (const auto& probe : make_probes(run, study.probe)) probe->begin(config, 1, study.data.tokens());
  run.settings.reject_unused();
  return study;
}

DType stored_type(PointRun& run, const Study& study) {
  const bool half = study.model.stored != DType::f32;
  const bool storage16 = run.pipelines.device().caps().storage16;
  if (half && !storage16)
    run.note(fmt::format("{} has no 16-bit storage: the weights are kept as f32", run.pipelines.device().caps().device_name));
  const DType activations = usable_type(run, study.probe.precision);
  return activations != DType::f32 ? activations : half && storage16 ? study.model.stored : DType::f32;
}

std::vector<Probe*> pointers(const std::vector<std::unique_ptr<Probe>>& probes) {
  std::vector<Probe*> list;
  for (const auto& probe : probes) list.push_back(probe.get());
  return list;
}

PointPlan make_plan(PointRun& run) {
  const Study study = read_study(run);
  const Device& device = run.pipelines.device();
  const DType stored = stored_type(run, study);
  const Weights weights(device, study.model.config, stored, WeightsUse::inference, false);
  Evaluator evaluator(run.pipelines, weights, usable_type(run, study.probe.precision), study.data);
  const auto probes = make_probes(run, study.probe);
  PointPlan plan;
  plan.parameters = static_cast<double>(parameter_count(study.model.config));
  plan.tokens = static_cast<double>(study.data.rows) * study.data.tokens();
  plan.advice = "use a smaller model, or lower probe.seq_len";
  plan.memory.parameters = Weights::bytes_needed(study.model.config, stored, WeightsUse::inference);
  plan_evaluation(plan, device, evaluator, pointers(probes), 1);
  return plan;
}

// A few sequences, with no numbers in the weights.
void calibrate(PointRun& run, Pace& pace) {
  const Study study = read_study(run);
  const Device& device = run.pipelines.device();
  const Weights weights(device, study.model.config, stored_type(run, study), WeightsUse::inference);
  Evaluator evaluator(run.pipelines, weights, usable_type(run, study.probe.precision), study.data);
  const auto probes = make_probes(run, study.probe);
  evaluator.time(pointers(probes), calibration_flop(device),
                 [&](const Graph& graph, const auto& times, double together) { pace.watch(graph, times, together); });
}

std::shared_ptr<const Weights> load_weights(PointRun& run, const Study& study) {
  const DType stored = stored_type(run, study);
  const std::string key = study.model_key + std::string(name_of(stored));
  if (run.cache.key == key) return run.cache.weights;
  run.cache = {};
  auto weights = std::make_shared<Weights>(run.pipelines.device(), study.model.config, stored, WeightsUse::inference);
  study.model.fill(*weights);
  run.cache = {key, weights};
  return weights;
}

IntactModel look_at_intact_model(Evaluator& evaluator, const Study& study) {
  SpikeProbe spikes(study.probe);
  SpikePlace place;
  evaluator.run({}, {&spikes, &place});
  Metrics unused;
  spikes.finish(unused);
  IntactModel intact{place.spike(), spikes.step_up_or_strongest(), spikes.step_down_or_strongest(), {}};
  const std::vector<std::string> wanted = means_wanted(study.interventions, study.model.config, intact);
  if (wanted.empty()) return intact;
  MeansProbe means(wanted, "intervention", study.probe);
  evaluator.run({}, {&means});
  intact.means = means.means();
  return intact;
}

void check(PointRun& run) { read_study(run); }

Metrics run_study(PointRun& run) {
  const Study study = read_study(run);
  const auto weights = load_weights(run, study);
  const DType activations = usable_type(run, study.probe.precision);
  Evaluator evaluator(run.pipelines, *weights, activations, study.data, &run.tuner);
  const bool intact_wanted = needs_intact_model(study.interventions);
  const IntactModel intact = intact_wanted ? look_at_intact_model(evaluator, study) : IntactModel{};
  const AppliedInterventions applied = apply(study.interventions, study.model.config, intact, study.data.tokens());

  const auto probes = make_probes(run, study.probe);
  std::vector<Probe*> listeners = pointers(probes);
  if (!study.interventions.empty()) listeners.push_back(applied.changes.get());
  run.progress.start_point(run.point.label, study.data.rows);
  const Evaluation evaluation =
      evaluator.run(applied.hooks, listeners, [&](std::uint32_t done, std::uint32_t) { run.progress.step(done, study.data.tokens()); });

  applied.require_changes(study.interventions);
  Metrics metrics;
  if (evaluation.counted > 0) {
    metrics.set("loss", evaluation.loss);
    metrics.set("perplexity", std::exp(evaluation.loss));
  }
  for (const auto& probe : probes) probe->finish(metrics);
  if (!study.interventions.empty()) applied.changes->finish(metrics);
  metrics.set("tokens", static_cast<double>(evaluation.counted));
  metrics.set("tokens_per_s", evaluation.tokens_per_second);
  for (const auto& probe : probes) probe->write(run.folder);
  return metrics;
}

const ExperimentKinds::Registration probe("probe", {check, run_study, make_plan, calibrate}),
    intervene("intervene", {check, run_study, make_plan, calibrate});

}  // namespace
}  // namespace ablate
