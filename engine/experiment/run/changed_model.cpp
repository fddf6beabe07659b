#include "experiment/run/changed_model.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

// What another point of the same run has recorded: one with a row, or one that was run for it.
std::filesystem::path recorded_file(const PointRun& run, const InterventionSettings& in) {
  const std::filesystem::path results = run.folder.parent_path().parent_path();
  const std::string id = in.statistics.substr(1), what = in.uses_ranges() ? "ranges" : "means";
  std::filesystem::path file;
  for (const char* folder : {"needed", "points"})
    if (const auto recorded = results / folder / id / (what + ".safetensors"); std::filesystem::exists(recorded)) file = recorded;
  if (file.empty()) throw RunError(fmt::format("{}: point {} has no {}: it failed", in.where("statistics"), id, what));
  return file;
}

void read_recorded(const PointRun& run, const std::vector<InterventionSettings>& interventions, IntactModel& intact) {
  for (const InterventionSettings& in : interventions) {
    if (!in.statistics.starts_with("@")) continue;
    if (in.uses_ranges()) intact.recorded_ranges.try_emplace(in.statistics, read_ranges(recorded_file(run, in)));
    else intact.recorded.try_emplace(in.statistics, read_means(recorded_file(run, in)));
  }
}

// Whether the point of "@ID" will record what an intervention needs of a hook point. Which blocks are step blocks is known later.
bool will_record(const Plan& plan, const InterventionSettings& in, const Hook& hook) {
  for (const Point& point : plan.points) {
    if (point.id != in.statistics.substr(1)) continue;
    Settings table(point.table);
    Settings recorder = table.table("probe").table(in.uses_ranges() ? "ranges" : "means");
    if (in.uses_ranges()) {
      const int except = static_cast<int>(in.quantization->quantization.except_tokens);
      if (except != 0 && except != recorder.number({"except_tokens", "so many first tokens of each sequence are left in float"}, 0, 0))
        return false;
    }
    const auto patterns = recorder.get<std::vector<std::string>>("at", {});
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return hook_matches(pattern, hook) || ((pattern == "step_up" || pattern == "step_down") && hook.block() > 0);
    });
  }
  return false;
}

}  // namespace

ChangedModel ChangedModel::from(Settings& table) { return {InterventionSettings::all(table), StreamingSettings::from(table)}; }

void ChangedModel::check(const TransformerConfig& config, std::uint32_t tokens) const {
  check_interventions(interventions, config, tokens);
  streaming.check(config, tokens);
}

IntactModel ChangedModel::look_at(const PointRun& run, Evaluator& evaluator, const TransformerConfig& config,
                                  const ProbeSettings& probe) const {
  IntactModel intact;
  if (needs_intact_model(interventions)) {
    SpikeProbe spikes(probe);
    evaluator.run({}, {&spikes});
    Metrics unused;
    spikes.finish(unused);
    if (!std::isfinite(spikes.spike().value))
      throw RunError("the intact model's largest activation is not finite: there is no spike to intervene on");
    intact = {spikes.spike(), spikes.step_up_or_strongest(), spikes.step_down_or_strongest(), {}};
  }
  if (const RangesWanted wanted = ranges_wanted(interventions, config); !wanted.hooks.empty()) {
    RangesProbe ranges(wanted.hooks, "intervention", wanted.except_tokens);
    evaluator.run({}, {&ranges});
    intact.ranges = ranges.ranges();
  }
  if (const std::vector<std::string> wanted = means_wanted(interventions, config, intact); !wanted.empty()) {
    MeansProbe means(wanted, "intervention", probe);
    evaluator.run({}, {&means});
    intact.means = means.means();
  }
  read_recorded(run, interventions, intact);
  return intact;
}

IntactModel ChangedModel::presume(const Plan& plan, const TransformerConfig& config, std::uint32_t tokens) const {
  return presumed_model(interventions, config, tokens,
                        [&](const InterventionSettings& in, const Hook& hook) { return will_record(plan, in, hook); });
}

AppliedInterventions ChangedModel::apply(const TransformerConfig& config, const IntactModel& intact, std::uint32_t tokens) const {
  AppliedInterventions applied = ablate::apply(interventions, config, intact, tokens);
  stream(applied.hooks, streaming, config, tokens);
  return applied;
}

void ChangedModel::plan(PointPlan& plan, const PointRun& run, Evaluator& evaluator, const TransformerConfig& config, std::uint32_t tokens,
                        std::vector<Probe*> probes, const ProbeSettings& probe) const {
  const AppliedInterventions applied = apply(config, presume(run.plan, config, tokens), tokens);
  if (!interventions.empty()) probes.push_back(applied.changes.get());
  plan_evaluation(plan, run.pipelines.device(), evaluator, applied.hooks, probes, streaming.sink_cost ? 2 : 1);
  SpikeProbe spikes(probe);
  if (needs_intact_model(interventions)) plan_evaluation(plan, run.pipelines.device(), evaluator, {}, {&spikes}, 1);
}

void ChangedModel::measure_sink_cost(Evaluator& evaluator, const TransformerConfig& config, const IntactModel& intact, std::uint32_t tokens,
                                     const std::string& name, double perplexity, Metrics& metrics) const {
  if (!streaming.sink_cost) return;
  ChangedModel without = *this;
  without.streaming.window += without.streaming.keep_first;
  without.streaming.keep_first = 0;
  const AppliedInterventions applied = without.apply(config, intact, tokens);
  std::vector<Probe*> probes;
  if (!interventions.empty()) probes.push_back(applied.changes.get());
  const Evaluation evaluation = evaluator.run(applied.hooks, probes);
  if (evaluation.loss) metrics.set(name, std::exp(*evaluation.loss) - perplexity);
}

}  // namespace ablate
