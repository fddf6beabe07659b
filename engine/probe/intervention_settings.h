// An [[intervention]] table: one edit of the forward pass at named hook points.
#pragma once

#include "base/settings.h"

namespace ablate {

/// Indices along one axis: all of them, a list, or a set that is found by looking at the model ("spike").
struct Indices {
  bool all = true;
  std::vector<int> list;
  std::string found;  ///< "spike": the channels or tokens of the intact model's spike; empty otherwise
};

struct InterventionSettings {
  std::vector<std::string>
      at;              ///< hook points: "block.62", "residual.*", "layer.3.attn.probs", or "step_up", "step_down": the blocks found
  std::string action;  ///< `do`: zero | scale | set | mean | clamp | project_out | skip | mask_key | norm
  Indices channels, tokens, heads;  ///< for mask_key, tokens are the masked keys
  /// One number, or one per listed channel (set, project_out: the direction), or a name (norm: the norm to put there).
  std::vector<double> value;
  std::string name;
  std::string statistics;  ///< a file with recorded means, for `mean` and `set`; empty: `mean` takes the mean over the data at hand

  std::string where;  ///< place in the experiment file, for messages

  static InterventionSettings from(Settings& intervention);
  /// All [[intervention]] tables of an experiment, in order.
  static std::vector<InterventionSettings> all(Settings& experiment);
};

}  // namespace ablate
