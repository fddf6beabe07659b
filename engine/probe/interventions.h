// [[intervention]] tables turned into hooks.
#pragma once

#include "model/hooks.h"
#include "probe/changes.h"
#include "probe/intervention_settings.h"
#include "probe/means.h"
#include "probe/ranges.h"
#include "probe/spikes.h"

#include <functional>
#include <map>
#include <memory>
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
  std::map<std::string, RangesProbe::Range> ranges =
      {};  ///< of the hook points that are quantized by static ranges, by RangesProbe::name_of()
  /// Ranges by what `statistics` says; as above.
  std::map<std::string, std::map<std::string, RangesProbe::Range>> recorded_ranges = {};
};

/// Stands for an intact model that nobody has looked at yet, so that interventions can be checked and their graphs built: a block, a channel,
/// a token, means and ranges as there will be some. `records` says whether another point ("@ID") will have recorded those of a hook point.
IntactModel presumed_model(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config, std::uint32_t tokens,
                           const std::function<bool(const InterventionSettings& in, const Hook& hook)>& records);

/// Whether any of them refers to the intact model, and the hook points whose means are wanted of it.
bool needs_intact_model(const std::vector<InterventionSettings>& interventions);
std::vector<std::string> means_wanted(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                                      const IntactModel& intact);
/// The hook points whose ranges are wanted of it, and without how many first tokens.
struct RangesWanted {
  std::vector<std::string> hooks{};
  std::vector<std::uint32_t> except_tokens{};
};
RangesWanted ranges_wanted(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config);

/// Why an action cannot act at a hook point, whatever its other keys; empty if it can.
std::string refusal(const ActionRule& rule, const Hook& hook);

/// Throws InputError at the place of the key in the file: a hook point that does not exist or that the action cannot act on, an index outside, a
/// selector that the hook point does not have. What only the intact model or another point's means tell is left to apply().
void check_interventions(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config, std::uint32_t tokens);

struct AppliedInterventions {
  Hooks hooks;
  std::shared_ptr<Changes> changes;  ///< to be run among the probes

  /// After the run. Throws InputError when one has changed nothing that could have been known to; for each other that has changed nothing,
  /// which is a result, returns a line that says so.
  std::vector<std::string> require_changes(const std::vector<InterventionSettings>& interventions) const;
};

/// For sequences of `tokens`. Throws InputError as check_interventions does.
AppliedInterventions apply(const std::vector<InterventionSettings>& interventions, const TransformerConfig& config,
                           const IntactModel& intact, std::uint32_t tokens);

}  // namespace ablate
