// Attention as a cache of fixed size has it: the [streaming] table (Xiao et al. 2024, StreamingLLM, arXiv 2309.17453).
#pragma once

#include "base/settings.h"
#include "model/hooks.h"

namespace ablate {

struct TransformerConfig;

struct StreamingSettings {
  int window = 0;      ///< the last so many keys and values stay in the cache; 0: no stream, attention is the model's own
  int keep_first = 0;  ///< and the first so many: attention sinks
  bool sink_cost =
      false;  ///< what the first keys are worth is measured too, as `sink_cost`: perplexity without them, as many keys in all, less that with them
  std::string where;  ///< of `window`, for messages

  bool on() const { return window > 0; }
  /// Reads the experiment's [streaming] table.
  static StreamingSettings from(Settings& experiment);

  /// Throws InputError where the model has no such stream: learned positions, a rotation that depends on the length, or a layer's own window
  /// that would hide some of the kept keys.
  void check(const TransformerConfig& config, std::uint32_t tokens) const;
};

/// Makes a forward pass of whole sequences give what the stream gives token by token. The keys and values of a token depend on what it saw alone, so that a
/// mask suffices: query i sees the keys i - window .. i, and those before keep_first. Keys have the positions that they have in the cache, so keys in
/// the window are as far away as they are, and first key s is min(i, keep_first + window) - s away: the query is turned back for it.
void stream(Hooks& hooks, const StreamingSettings& settings, const TransformerConfig& config, std::uint32_t tokens);

}  // namespace ablate
