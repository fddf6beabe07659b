// [[intervention]] tables turned into hooks.
#pragma once

#include "model/hooks.h"
#include "probe/intervention_settings.h"
#include "probe/means.h"
#include "probe/spikes.h"

#include <map>
#include <string>
#include <vector>

namespace ablate {

/// What interventions may refer to that only a run of the intact model tells.
struct IntactModel {
  SpikeProbe::Spike spike;
  std::vector<int> step_up_blocks, step_down_blocks;
  std::map<std::string, MeansProbe::Mean> means;  ///< of the hook points that `mean` acts on
};

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
