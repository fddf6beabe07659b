#include "experiment/run/evaluations.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ablate {
namespace {

// What claims can call: "w8a8_token_loss".
bool is_identifier(const std::string& name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), fits);
}

const SectionRegistration registration{{"evaluation", [](Settings& experiment) { NamedEvaluation::all(experiment); }}};

}  // namespace

std::vector<NamedEvaluation> NamedEvaluation::all(Settings& experiment) {
  std::vector<NamedEvaluation> all;
  std::set<std::string> names;
  for (Settings& table : experiment.tables({"evaluation", "further evaluations of the point's model, each with edits of its own"})) {
    const std::string name = table.get<std::string>({"name", "what its metrics are called by"});
    require(is_identifier(name), "{}: expected a name of a-z, 0-9 and _, for metrics that begin with it, found \"{}\"", table.where("name"),
            name);
    require(names.insert(name).second, "{}: \"{}\" is the name of two evaluations", table.where("name"), name);
    all.push_back({name, ChangedModel::from(table)});
    require(!all.back().model.interventions.empty() || all.back().model.streaming.on(),
            "{}: an evaluation needs an intervention or streaming: without them it is the row's own", table.where("name"));
  }
  return all;
}

MetricNames NamedEvaluation::names(Settings& experiment) {
  MetricNames names;
  for (const NamedEvaluation& evaluation : all(experiment)) {
    for (const char* metric : {"_loss", "_perplexity"}) names.numbers.push_back(evaluation.name + metric);
    const auto& interventions = evaluation.model.interventions;
    if (std::any_of(interventions.begin(), interventions.end(), [](const auto& in) { return in.quantization.has_value(); }))
      names.numbers.push_back(evaluation.name + "_sqnr");
    if (evaluation.model.streaming.sink_cost) names.numbers.push_back(evaluation.name + "_sink_cost");
  }
  return names;
}

void check_evaluations(const std::vector<NamedEvaluation>& evaluations, const TransformerConfig& config, std::uint32_t tokens) {
  for (const NamedEvaluation& evaluation : evaluations) evaluation.model.check(config, tokens);
}

void plan_evaluations(PointPlan& plan, const PointRun& run, const std::vector<NamedEvaluation>& evaluations, Evaluator& evaluator,
                      const TransformerConfig& config, std::uint32_t tokens, const ProbeSettings& probe) {
  for (const NamedEvaluation& evaluation : evaluations) evaluation.model.plan(plan, run, evaluator, config, tokens, {}, probe);
}

void run_evaluations(PointRun& run, const std::vector<NamedEvaluation>& evaluations, Evaluator& evaluator, const TransformerConfig& config,
                     std::uint32_t tokens, const ProbeSettings& probe, Metrics& metrics) {
  for (const auto& [name, model] : evaluations) {
    const IntactModel intact = model.look_at(run, evaluator, config, probe);
    const AppliedInterventions applied = model.apply(config, intact, tokens);
    std::vector<Probe*> probes;
    if (!model.interventions.empty()) probes.push_back(applied.changes.get());
    const Evaluation evaluation = evaluator.run(applied.hooks, probes);
    for (const std::string& line : applied.require_changes(model.interventions)) run.note(line);
    Metrics changes;
    applied.changes->finish(changes);
    if (const Metric* sqnr = changes.find("quantized_sqnr")) metrics.set(name + "_sqnr", *sqnr);
    if (!evaluation.loss) continue;
    metrics.set(name + "_loss", *evaluation.loss);
    metrics.set(name + "_perplexity", std::exp(*evaluation.loss));
    model.measure_sink_cost(evaluator, config, intact, tokens, name + "_sink_cost", std::exp(*evaluation.loss), metrics);
  }
}

}  // namespace ablate
