// What mixes the tokens of a layer in place of attention, by name: what `[model] mixer = "..."` can say beside "attention". Each kind registers its parameters,
// its hook points and its arithmetic in its own file (model/mixer).
#pragma once

#include "model/hooks.h"
#include "model/weights.h"

#include <functional>
#include <string>
#include <vector>

namespace ablate {

struct MixerArgs {
  const TransformerConfig& config;
  Tensor x;                                             ///< (B, T, D), normed
  Tensor residual;                                      ///< added to the output in the last product; none
  std::function<Matrix(const std::string&)> parameter;  ///< by its name after the block's prefix: "q_proj.weight"
  std::function<Tensor(const std::string&)> vector;     ///< the same for those that are no matrices
  std::function<Tensor(Site, const Tensor&)> hook;      ///< at the kind's own points
};

/// A hook point of a kind: (B, T, heads * channels).
struct MixerPoint {
  Site site;
  int heads, channels;
};

struct MixerKind {
  /// In the order of the forward pass.
  std::function<std::vector<MixerPoint>(const TransformerConfig& config)> points;
  /// (B, T, D) -> (B, T, D).
  std::function<Tensor(Graph&, const MixerArgs&)> forward;
};
using Mixers = Registry<MixerKind>;

/// The kind of a layer that does not attend. Throws InputError listing the known ones.
const MixerKind& mixer_of(const TransformerConfig& config, int layer);

}  // namespace ablate
