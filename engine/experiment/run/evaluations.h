// [[evaluation]] tables: what a point's model gives, beside its own row's numbers, when it is changed.
#pragma once

#include "experiment/run/changed_model.h"

namespace ablate {

/// [[evaluation]] name = "w4a4", intervention = [{preset = "w4a4"}]: metrics w4a4_loss, w4a4_perplexity, and w4a4_sqnr where hook points are quantized, over the data
/// that the point's own loss is of.
struct NamedEvaluation {
  std::string name;
  ChangedModel model;

  /// Throws InputError for a name that is none of a metric, or used twice.
  static std::vector<NamedEvaluation> all(Settings& experiment);
  static MetricNames names(Settings& experiment);
};

void check_evaluations(const std::vector<NamedEvaluation>& evaluations, const TransformerConfig& config, std::uint32_t tokens);
void plan_evaluations(PointPlan& plan, const PointRun& run, const std::vector<NamedEvaluation>& evaluations, Evaluator& evaluator,
                      const TransformerConfig& config, std::uint32_t tokens, const ProbeSettings& probe);
void run_evaluations(PointRun& run, const std::vector<NamedEvaluation>& evaluations, Evaluator& evaluator, const TransformerConfig& config,
                     std::uint32_t tokens, const ProbeSettings& probe, Metrics& metrics);

}  // namespace ablate
