// An [[intervention]] table: one edit of the forward pass at named hook points.
#pragma once

#include "base/settings.h"
#include "probe/quantization_settings.h"

#include <map>
#include <optional>
#include <span>
#include <string_view>

namespace ablate {

/// Indices along one axis: all of them, a list, or a set that is found by looking at the model ("spike", "largest").
struct Indices {
  bool all = true;
  std::vector<int> list;
  /// "spike": the channels or the position of the intact model's spike. "largest", of tokens: in every sequence the one that holds the hook
  /// point's largest magnitude, as the interventions before it left it. Empty otherwise.
  std::string found;
};

/// What an action takes besides `at`. A key that it does not take is refused.
struct ActionRule {
  enum class Value { none, number, numbers, norm };
  std::string_view name;
  bool channels, tokens, largest, heads;  ///< which selectors; `largest`: tokens = "largest"
  Value value;
  bool statistics;  ///< a file of recorded means in place of `value`, or of recorded ranges
};

/// zero | scale | set | mean | clamp | project_out | skip | mask_key | norm | quantize
std::span<const ActionRule> action_rules();

struct InterventionSettings {
  std::vector<std::string>
      at;              ///< hook points: "block.62", "residual.*", "layer.3.attn.probs", or "step_up", "step_down": the blocks found
  std::string action;  ///< `do`: a name of action_rules()
  Indices channels, tokens, heads;  ///< for mask_key, tokens are the masked keys
  /// One number, or one per listed channel (set, project_out: the direction), or a name (norm: the norm to put there).
  std::vector<double> value;
  std::string name;
  /// A file with recorded means, for `mean`, `set` and `project_out`, or ranges, for `quantize`, or "@ID": those that the point of that id recorded.
  /// Empty: `mean` takes the mean over the data at hand, and so does a static range.
  std::string statistics;
  std::optional<QuantizationSettings> quantization;  ///< of `quantize`

  std::map<std::string, std::string, std::less<>> places;  ///< of every key in the experiment file, for messages

  /// Place of a key: "x.toml:3: intervention.heads".
  const std::string& where(std::string_view key) const { return places.find(key)->second; }
  const ActionRule& rule() const;
  /// Whether it puts in means: those of `statistics`, or of the data at hand.
  bool uses_means() const { return !quantization && (action == "mean" || !statistics.empty()); }
  /// Whether it quantizes by ranges of a calibration: those of `statistics`, or of the intact model over the data at hand.
  bool uses_ranges() const { return quantization && quantization->static_range; }
  /// Whether only the model tells if there is anything to change: means may be what was there, nothing may exceed a clamp, the largest token may
  /// hold zeros already, and numbers may be those of codes.
  bool may_change_nothing() const { return uses_means() || quantization || action == "clamp" || tokens.found == "largest"; }

  static InterventionSettings from(Settings& intervention);
  /// All [[intervention]] tables of an experiment, in order.
  static std::vector<InterventionSettings> all(Settings& experiment);
};

}  // namespace ablate
