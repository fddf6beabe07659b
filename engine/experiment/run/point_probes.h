#pragma once

#include "experiment/run/kind.h"
#include "probe/probe.h"

namespace ablate {

/// The probes of a point: spikes and sinks always, then those that `[probe] statistics` names, then the dump.
std::vector<std::unique_ptr<Probe>> make_probes(PointRun& run, const ProbeSettings& settings);

/// What those probes and set_losses() may set.
MetricNames evaluation_metrics(Settings& experiment);

/// Sets `loss` and `perplexity`, where a token was predicted, and what was not finite, where anything was.
void set_losses(Metrics& metrics, const Evaluation& evaluation);

}  // namespace ablate
