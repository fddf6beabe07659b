// [[intervention]] tables turned into hooks.
#pragma once

#include "model/hooks.h"
#include "probe/intervention_settings.h"
#include "probe/means.h"
#include "probe/spikes.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ablate {

/// What interventions may refer to that only a run of the intact model tells.
struct IntactModel {
  SpikeProbe::Spike spike;
  std::vector<int> step_up_blocks, step_down_blocks;
  std::map<std::string, MeansProbe::Mean> means;  ///< of the hook points that `mean` acts on
  /// Means by what `statistics` says; those of a name that is not here are read from the file of that name.
  std::map<std::string, std::map<std::string, MeansProbe::Mean>> recorded = {};
};

/// Stands for an intact model that nobody has looked at yet, so that interventions can be checked and their graphs built: a block, a channel,
/// a token and means as there will be some. `records` says whether another point ("@ID") will have recorded the mean of a hook point.
IntactModel presumed_model(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config, std::uint32_t tokens,
                           const std::function<bool(const std::string& statistics, const std::string& hook)>& records);

/// Whether any of them refers to the intact model, and the hook points whose means are wanted of it.
bool needs_intact_model(const std::vector<InterventionSettings>& interventions);
std::vector<std::string> means_wanted(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                                      const IntactModel& intact);

struct AppliedInterventions {
  Hooks hooks;
  std::uint64_t elements = 0;  ///< how many they change in `rows` sequences of `tokens`
};

/// Throws InputError at the intervention's place in the file: a hook point that does not exist, an index outside, one that changes nothing.
AppliedInterventions apply(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                           const IntactModel& intact, std::uint32_t rows, std::uint32_t tokens);

}  // namespace ablate
