// kind = "probe" looks at a model, kind = "intervene" at one that is changed while it runs: the same code, the second with [[intervention]]
// tables.
#include "experiment/run/changed_model.h"
#include "experiment/run/data.h"
#include "experiment/run/evaluations.h"
#include "experiment/run/forecast.h"
#include "experiment/run/kind.h"
#include "experiment/run/model_source.h"
#include "experiment/run/point_probes.h"
#include "experiment/run/transformations.h"
#include "experiment/run/window.h"
#include "model/initialization.h"
#include "probe/evaluation.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace ablate {
namespace {

// Everything the experiment file says, read and checked.
struct Study {
  ModelSource model;       // with the configuration that it has once it is transformed
  TransformerConfig read;  // as it is read
  std::vector<Transformation> transformations{};
  ProbeSettings probe;
  ChangedModel changed;
  std::vector<NamedEvaluation> evaluations;
  EvaluationData data;
};

EvaluationData read_data(const Batch& batch) {
  return {static_cast<std::uint32_t>(batch.rows), static_cast<std::uint32_t>(batch.columns), batch.ids, false, std::nullopt};
}

Study read_study(PointRun& run) {
  Settings model = run.settings.table("model"), probe = run.settings.table("probe"), train = run.settings.table("train");
  Study study;
  study.model = ModelSource::from(model, train.choice("init_rule", "paper", initialization_rules()), run.seed());
  for (const std::string& note : study.model.notes) run.note(note);
  study.transformations = Transformation::all(run.settings);
  study.read = study.model.config;
  study.model.config = transformed_config(study.transformations, study.read);
  study.probe = ProbeSettings::from(probe);
  study.changed = ChangedModel::from(run.settings);
  study.evaluations = NamedEvaluation::all(run.settings);
  const auto source = open_point_data(run, study.model.config, study.model.folder);
  const bool own_width = study.probe.seq_len == 0 && source->own_columns() > 0, endless = source->task() != nullptr;
  study.data = read_data(source->probe(study.probe.sequences == 0 && endless ? 64 : study.probe.sequences, own_width ? 0
                                                                                                           : study.probe.seq_len == 0
                                                                                                               ? 256
                                                                                                               : study.probe.seq_len));
  const TransformerConfig& config = study.model.config;
  check_window(run.point.table, config, study.data.tokens(), own_width ? "the data" : "probe.seq_len", false);
  for (const std::string& pattern : study.probe.dump) matching_hooks(config, pattern, probe.where("dump"));
  study.changed.check(config, study.data.tokens());
  check_evaluations(study.evaluations, config, study.data.tokens());
  for (const auto& listener : make_probes(run, study.probe)) listener->begin(config, 1, study.data.tokens());
  run.settings.reject_unused();
  return study;
}

WeightTypes stored_types(PointRun& run, const Study& study) {
  WeightTypes types = study.model.stored;
  const bool half = types.plain != DType::f32;
  const bool storage16 = run.pipelines.device().caps().storage16;
  if (half && !storage16)
    run.note(fmt::format("{} has no 16-bit storage: the weights are kept as f32", run.pipelines.device().caps().device_name));
  const DType activations = usable_type(run, study.probe.precision);
  types.plain = activations != DType::f32 ? activations : half && storage16 ? types.plain : DType::f32;
  if (!study.transformations.empty() && !types.blocks.empty()) {
    run.note(fmt::format("weights that the model keeps as {} are kept as {}: they are transformed", name_of(types.blocks.begin()->second),
                         name_of(types.plain)));
    types.blocks.clear();
  }
  return types;
}

std::vector<Probe*> pointers(const std::vector<std::unique_ptr<Probe>>& probes) {
  std::vector<Probe*> list;
  for (const auto& probe : probes) list.push_back(probe.get());
  return list;
}

PointPlan prepare(PointRun& run) {
  const Study study = read_study(run);
  const Device& device = run.pipelines.device();
  const Weights weights(device, study.model.config, stored_types(run, study), WeightsUse::inference, false);
  Evaluator evaluator(run.pipelines, weights, usable_type(run, study.probe.precision), study.data);
  const auto probes = make_probes(run, study.probe);
  PointPlan plan;
  plan.parameters = static_cast<double>(parameter_count(study.model.config));
  plan.tokens = static_cast<double>(study.data.rows) * study.data.tokens();
  plan.advice = "use a smaller model, or lower probe.seq_len";
  plan.memory.parameters = weights.bytes();
  study.changed.plan(plan, run, evaluator, study.model.config, study.data.tokens(), pointers(probes), study.probe);
  plan_evaluations(plan, run, study.evaluations, evaluator, study.model.config, study.data.tokens(), study.probe);
  return plan;
}

// A few sequences, or the beginning of a long one, with no numbers in the weights.
void calibrate(PointRun& run, Pace& pace) {
  const Study study = read_study(run);
  const Device& device = run.pipelines.device();
  const Weights weights(device, study.model.config, stored_types(run, study), WeightsUse::inference);
  Evaluator evaluator(run.pipelines, weights, usable_type(run, study.probe.precision), study.data);
  const auto probes = make_probes(run, study.probe);
  evaluator.time(pointers(probes), calibration_flop(device), static_cast<std::uint32_t>(std::max(study.probe.sink_length, 64)),
                 [&](const Graph& graph, const auto& times, double together) { pace.watch(graph, times, together); });
}

std::shared_ptr<const Weights> load_weights(PointRun& run, const Study& study) {
  const WeightTypes stored = stored_types(run, study);
  std::vector<std::string> not_of_weights = {"kind", "without", "intervention", "streaming", "evaluation"};
  if (study.transformations.empty())
    not_of_weights.insert(not_of_weights.end(), {"data", "probe"});  // else a calibration may be over the data
  const std::string key = run.fingerprint.hash(not_of_weights) + std::string(name_of(stored.plain));
  if (run.cache.key == key) return run.cache.weights;
  run.cache = {};
  auto weights = std::make_shared<Weights>(run.pipelines.device(), study.read, stored, WeightsUse::inference);
  study.model.fill(*weights);
  weights = transform(run, study.transformations, weights, usable_type(run, study.probe.precision), study.data);
  run.cache = {key, weights};
  return weights;
}

Metrics run_study(PointRun& run) {
  const Study study = read_study(run);
  const auto weights = load_weights(run, study);
  const DType activations = usable_type(run, study.probe.precision);
  Evaluator evaluator(run.pipelines, *weights, activations, study.data, &run.tuner, {.allow_non_finite = study.probe.allow_non_finite});
  const TransformerConfig& config = study.model.config;
  const IntactModel intact = study.changed.look_at(run, evaluator, config, study.probe);
  const AppliedInterventions applied = study.changed.apply(config, intact, study.data.tokens());

  const auto probes = make_probes(run, study.probe);
  std::vector<Probe*> listeners = pointers(probes);
  if (!study.changed.interventions.empty()) listeners.push_back(applied.changes.get());
  run.progress.start_point(run.point.label, study.data.rows);
  const Evaluation evaluation =
      evaluator.run(applied.hooks, listeners, [&](std::uint32_t done, std::uint32_t) { run.progress.step(done, study.data.tokens()); });

  for (const std::string& line : applied.require_changes(study.changed.interventions)) run.note(line);
  Metrics metrics;
  set_losses(metrics, evaluation);
  for (const auto& probe : probes) probe->finish(metrics);
  for (const auto& probe : probes)
    for (const std::string& line : probe->notes()) run.note(line);
  if (evaluation.loss)
    study.changed.measure_sink_cost(evaluator, config, intact, study.data.tokens(), "sink_cost", std::exp(*evaluation.loss), metrics);
  run_evaluations(run, study.evaluations, evaluator, config, study.data.tokens(), study.probe, metrics);
  if (!study.changed.interventions.empty()) applied.changes->finish(metrics);
  metrics.set("tokens", static_cast<double>(evaluation.counted));
  metrics.set("tokens_per_s", evaluation.tokens_per_second);
  for (const auto& probe : probes) probe->write(run.folder);
  return metrics;
}

MetricNames yields(Settings& experiment) {
  MetricNames names = evaluation_metrics(experiment);
  names.add({.numbers = {"tokens", "tokens_per_s"}});
  if (experiment.has("intervention")) names.add(Changes(0).yields());
  if (StreamingSettings::from(experiment).sink_cost) names.add({.numbers = {"sink_cost"}});
  names.add(NamedEvaluation::names(experiment));
  return names;
}

const ExperimentKinds::Registration probe(
    "probe", {{"train.init_rule", "transformation", "streaming", "evaluation"}, prepare, run_study, calibrate, yields}),
    intervene("intervene",
              {{"train.init_rule", "transformation", "intervention", "streaming", "evaluation"}, prepare, run_study, calibrate, yields});

}  // namespace
}  // namespace ablate
