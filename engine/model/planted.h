// A small Llama-shaped model with a known spike and known sink heads, for machines without a checkpoint and for tests.
#pragma once

#include "model/weights.h"

#include <cstdint>

namespace ablate {

class Settings;

/// What is planted, blocks numbered from 1 (odd attention, even feed-forward). One token, `bos_token_id` in first place, carries a direction that no
/// other has; a feed-forward turns it into two huge channels, heads of later layers key on those channels, and a last feed-forward takes them away:
/// the mechanism of section 3 of arXiv 2603.05498 in its smallest form.
struct PlantedModel {
  TransformerConfig config;
  int step_up_block = 4, step_down_block = 8;
  int channels[2] = {7, 33};
  double magnitudes[2] = {900.0, -400.0};
  int sink_heads[2][2] = {{2, 0}, {3, 2}};  ///< (layer, head)
  std::uint64_t seed = 1;

  /// Reads `[model] preset = "planted"`: vocab_size, bos_token_id and seed may be given.
  static PlantedModel from(Settings& model);

  void fill(Weights& weights) const;
};

}  // namespace ablate
