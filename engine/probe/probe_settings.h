// The [probe] table: what is measured, and how.
#pragma once

#include "base/settings.h"

namespace ablate {

struct ProbeSettings {
  std::vector<std::string> dump;        ///< hook points written to probes.safetensors; "residual.*" names all of a kind
  std::vector<std::string> statistics;  ///< further statistics by name, each with its own table [probe.NAME]
  int every = 0;                        ///< in training: measure every so many steps; 0: only at the end

  int sequences = 0;              ///< how many are looked at; 0: all there are, or 64 where the source has no end
  int seq_len = 0;                ///< tokens of each; 0: the source's own width, or 256
  std::string precision = "f32";  ///< of activations: f32 | f16 | bf16

  /// Measure although activations are infinite or NaN: the row says how many (non_finite) and where they begin (non_finite_first). Without it such a row fails.
  bool allow_non_finite = false;

  int top_k = 3;  ///< how many of the largest magnitudes top_per_state and top_per_block list, up to 8; changes no other number

  double sink_epsilon = 0.3;  ///< a head has a sink on a sequence when its first-token importance exceeds this (Gu et al. 2025)
  int sink_length = 64;       ///< sequences are cut to this many tokens for sink_ratio
  int sink_sequences = 100;   ///< and so many of them are looked at

  double massive_threshold = 100;  ///< Sun et al. 2024: massive when |h| exceeds this ...
  double massive_ratio = 1000;     ///< ... and so many times the median |h| of its state
  double step_share = 0.5;         ///< a step-up or step-down block's top channel reaches this share of the model's spike

  static ProbeSettings from(Settings& probe);
};

}  // namespace ablate
