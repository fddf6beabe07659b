#include "experiment/run/point_probes.h"

#include "probe/dump.h"

#include <cmath>

namespace ablate {

namespace {

/// Of those that are always there, and those that are asked for.
std::vector<std::string> statistics_of(const ProbeSettings& settings) {
  std::vector<std::string> names{"spikes", "sinks"};
  names.insert(names.end(), settings.statistics.begin(), settings.statistics.end());
  return names;
}

std::unique_ptr<Probe> make_probe(Settings& experiment, const ProbeSettings& settings, const std::string& name) {
  Settings probe = experiment.table("probe"), own = probe.table(name);
  return Probes::find(probe.where("statistics") + ":", name)(settings, own);
}

}  // namespace

MetricNames evaluation_metrics(Settings& experiment) {
  MetricNames names{.numbers = {"loss", "perplexity", "non_finite", "non_finite_statistics"}, .lists = {}, .texts = {"non_finite_first"}};
  Settings probe = experiment.table("probe");
  const ProbeSettings settings = ProbeSettings::from(probe);
  for (const std::string& statistic : statistics_of(settings)) names.add(make_probe(experiment, settings, statistic)->yields());
  return names;
}

void set_losses(Metrics& metrics, const Evaluation& evaluation) {
  if (evaluation.loss) {
    metrics.set("loss", *evaluation.loss);
    metrics.set("perplexity", std::exp(*evaluation.loss));
  }
  if (evaluation.first_non_finite.empty()) return;
  metrics.set("non_finite", static_cast<double>(evaluation.non_finite));
  metrics.set("non_finite_statistics", static_cast<double>(evaluation.non_finite_statistics));
  metrics.set("non_finite_first", evaluation.first_non_finite);
}

std::vector<std::unique_ptr<Probe>> make_probes(PointRun& run, const ProbeSettings& settings) {
  std::vector<std::unique_ptr<Probe>> probes;
  for (const std::string& name : statistics_of(settings)) probes.push_back(make_probe(run.settings, settings, name));
  if (!settings.dump.empty()) probes.push_back(std::make_unique<DumpProbe>(settings));
  return probes;
}

}  // namespace ablate
