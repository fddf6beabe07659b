// A model as it is evaluated: changed at hook points, and as a stream.
#pragma once

#include "experiment/run/kind.h"
#include "probe/interventions.h"
#include "probe/streaming.h"

namespace ablate {

struct ChangedModel {
  std::vector<InterventionSettings> interventions;
  StreamingSettings streaming;

  /// Reads [[intervention]] and [streaming] of an experiment, or of an [[evaluation]].
  static ChangedModel from(Settings& table);

  /// Throws InputError at the key for what the model or its sequences do not have.
  void check(const TransformerConfig& config, std::uint32_t tokens) const;

  /// What probes of `intact` say that this refers to, of another point's recordings too.
  IntactModel look_at(const PointRun& run, Evaluator& intact, const TransformerConfig& config, const ProbeSettings& probe) const;
  /// The same before anything runs.
  IntactModel presume(const Plan& plan, const TransformerConfig& config, std::uint32_t tokens) const;

  AppliedInterventions apply(const TransformerConfig& config, const IntactModel& intact, std::uint32_t tokens) const;

  /// Adds to a plan what an evaluation of it takes beside `probes`, and what looking at the intact model does.
  void plan(PointPlan& plan, const PointRun& run, Evaluator& evaluator, const TransformerConfig& config, std::uint32_t tokens,
            std::vector<Probe*> probes, const ProbeSettings& probe) const;

  /// Where the stream has `sink_cost`: evaluates it without first keys, as many keys in all, and sets `name`, the perplexity that their loss adds.
  void measure_sink_cost(Evaluator& evaluator, const TransformerConfig& config, const IntactModel& intact, std::uint32_t tokens,
                         const std::string& name, double perplexity, Metrics& metrics) const;
};

}  // namespace ablate
