// kind = "probe" looks at a model, kind = "intervene" at one that is changed while it runs: the same code, the second with [[intervention]]
// tables.
#include "experiment/run/data.h"
#include "experiment/run/forecast.h"
#include "experiment/run/kind.h"
#include "experiment/run/model_source.h"
#include "experiment/run/point_probes.h"
#include "experiment/run/window.h"
#include "model/initialization.h"
#include "probe/evaluation.h"
#include "probe/interventions.h"

#include <algorithm>
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
};

EvaluationData read_data(const Batch& batch) {
  return {static_cast<std::uint32_t>(batch.rows), static_cast<std::uint32_t>(batch.columns), batch.ids, false, std::nullopt};
}

// statistics = "@ID" names the means that another point of the same run has recorded: one with a row, or one that was run for them.
IntactModel read_recorded(const PointRun& run, const std::vector<InterventionSettings>& interventions, IntactModel intact) {
  for (const InterventionSettings& in : interventions) {
    if (!in.statistics.starts_with("@") || intact.recorded.contains(in.statistics)) continue;
    const std::filesystem::path results = run.folder.parent_path().parent_path();
    std::filesystem::path file;
    for (const char* folder : {"needed", "points"})
      if (const auto means = results / folder / in.statistics.substr(1) / "means.safetensors"; std::filesystem::exists(means)) file = means;
    if (file.empty()) throw RunError(fmt::format("{}: point {} has no means: it failed", in.where("statistics"), in.statistics.substr(1)));
    intact.recorded[in.statistics] = read_means(file);
  }
  return intact;
}

// Whether the point of "@ID" will record the mean of a hook point. Which blocks are step blocks is known later.
bool will_record(const Plan& plan, const std::string& statistics, const Hook& hook) {
  for (const Point& point : plan.points) {
    if (point.id != statistics.substr(1)) continue;
    Settings table(point.table);
    const auto patterns = table.table("probe").table("means").get<std::vector<std::string>>("at", {});
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return hook_matches(pattern, hook) || ((pattern == "step_up" || pattern == "step_down") && hook.block() > 0);
    });
  }
  return false;
}

Study read_study(PointRun& run) {
  Settings model = run.settings.table("model"), probe = run.settings.table("probe"), train = run.settings.table("train");
  Study study;
  study.model = ModelSource::from(model, train.choice("init_rule", "paper", initialization_rules()), run.seed());
  for (const std::string& note : study.model.notes) run.note(note);
  study.probe = ProbeSettings::from(probe);
  study.interventions = InterventionSettings::all(run.settings);
  const auto source = open_point_data(run, study.model.config, study.model.folder);
  const bool own_width = study.probe.seq_len == 0 && source->own_columns() > 0, endless = source->task() != nullptr;
  study.data = read_data(source->probe(study.probe.sequences == 0 && endless ? 64 : study.probe.sequences, own_width ? 0
                                                                                                           : study.probe.seq_len == 0
                                                                                                               ? 256
                                                                                                               : study.probe.seq_len));
  const TransformerConfig& config = study.model.config;
  check_window(run.point.table, config, study.data.tokens(), own_width ? "the data" : "probe.seq_len", false);
  for (const std::string& pattern : study.probe.dump) matching_hooks(config, pattern, probe.where("dump"));
  check_interventions(study.interventions, config, study.data.tokens());
  for (const auto& listener : make_probes(run, study.probe)) listener->begin(config, 1, study.data.tokens());
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

PointPlan prepare(PointRun& run) {
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
  const auto records = [&](const std::string& statistics, const Hook& hook) { return will_record(run.plan, statistics, hook); };
  const IntactModel intact = presumed_model(study.interventions, study.model.config, study.data.tokens(), records);
  const AppliedInterventions applied = apply(study.interventions, study.model.config, intact, study.data.tokens());
  std::vector<Probe*> listeners = pointers(probes);
  if (!study.interventions.empty()) listeners.push_back(applied.changes.get());
  plan_evaluation(plan, device, evaluator, applied.hooks, listeners, 1);
  SpikeProbe spikes(study.probe);
  if (needs_intact_model(study.interventions)) plan_evaluation(plan, device, evaluator, {}, {&spikes}, 1);
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
  const std::string key = run.fingerprint.hash({"kind", "without", "data", "probe", "intervention"}) + std::string(name_of(stored));
  if (run.cache.key == key) return run.cache.weights;
  run.cache = {};
  auto weights = std::make_shared<Weights>(run.pipelines.device(), study.model.config, stored, WeightsUse::inference);
  study.model.fill(*weights);
  run.cache = {key, weights};
  return weights;
}

IntactModel look_at_intact_model(Evaluator& evaluator, const Study& study) {
  SpikeProbe spikes(study.probe);
  evaluator.run({}, {&spikes});
  Metrics unused;
  spikes.finish(unused);
  if (!std::isfinite(spikes.spike().value))
    throw RunError("the intact model's largest activation is not finite: there is no spike to intervene on");
  IntactModel intact{spikes.spike(), spikes.step_up_or_strongest(), spikes.step_down_or_strongest(), {}};
  const std::vector<std::string> wanted = means_wanted(study.interventions, study.model.config, intact);
  if (wanted.empty()) return intact;
  MeansProbe means(wanted, "intervention", study.probe);
  evaluator.run({}, {&means});
  intact.means = means.means();
  return intact;
}

Metrics run_study(PointRun& run) {
  const Study study = read_study(run);
  const auto weights = load_weights(run, study);
  const DType activations = usable_type(run, study.probe.precision);
  Evaluator evaluator(run.pipelines, *weights, activations, study.data, &run.tuner, {.allow_non_finite = study.probe.allow_non_finite});
  const bool intact_wanted = needs_intact_model(study.interventions);
  const IntactModel intact =
      read_recorded(run, study.interventions, intact_wanted ? look_at_intact_model(evaluator, study) : IntactModel{});
  const AppliedInterventions applied = apply(study.interventions, study.model.config, intact, study.data.tokens());

  const auto probes = make_probes(run, study.probe);
  std::vector<Probe*> listeners = pointers(probes);
  if (!study.interventions.empty()) listeners.push_back(applied.changes.get());
  run.progress.start_point(run.point.label, study.data.rows);
  const Evaluation evaluation =
      evaluator.run(applied.hooks, listeners, [&](std::uint32_t done, std::uint32_t) { run.progress.step(done, study.data.tokens()); });

  for (const std::string& line : applied.require_changes(study.interventions)) run.note(line);
  Metrics metrics;
  set_losses(metrics, evaluation);
  for (const auto& probe : probes) probe->finish(metrics);
  for (const auto& probe : probes)
    for (const std::string& line : probe->notes()) run.note(line);
  if (!study.interventions.empty()) applied.changes->finish(metrics);
  metrics.set("tokens", static_cast<double>(evaluation.counted));
  metrics.set("tokens_per_s", evaluation.tokens_per_second);
  for (const auto& probe : probes) probe->write(run.folder);
  return metrics;
}

MetricNames yields(Settings& experiment) {
  MetricNames names = evaluation_metrics(experiment);
  names.add({.numbers = {"tokens", "tokens_per_s"}});
  if (experiment.has("intervention")) names.add(Changes(0).yields());
  return names;
}

const ExperimentKinds::Registration probe("probe", {{"train.init_rule"}, prepare, run_study, calibrate, yields}),
    intervene("intervene", {{"train.init_rule", "intervention"}, prepare, run_study, calibrate, yields});

}  // namespace
}  // namespace ablate
