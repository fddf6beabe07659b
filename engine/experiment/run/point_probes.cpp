#include "experiment/run/point_probes.h"

#include "probe/dump.h"

#include <cmath>

namespace ablate {

static std::unique_ptr<Probe> make_probe(PointRun& run, const ProbeSettings& settings, const std::string& name) {
  Settings own = run.settings.table("probe").table(name);
  return Probes::find(run.settings.table("probe").where("statistics") + ":", name)(settings, own);
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
  probes.push_back(make_probe(run, settings, "spikes"));
  probes.push_back(make_probe(run, settings, "sinks"));
  for (const std::string& name : settings.statistics) probes.push_back(make_probe(run, settings, name));
  if (!settings.dump.empty()) probes.push_back(std::make_unique<DumpProbe>(settings));
  return probes;
}

}  // namespace ablate
