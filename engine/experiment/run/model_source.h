// Where `[model]` gets its weights: a checkpoint on disk, a preset, or a configuration to be initialised.
#pragma once

#include "base/registry.h"
#include "base/settings.h"
#include "model/weights.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ablate {

struct ModelSource {
  TransformerConfig config;
  WeightTypes stored;                   ///< what the weights are kept as: as where they come from, or as model.stored says
  std::function<void(Weights&)> fill;   ///< puts the weights in; for a plain configuration, by rule and seed
  std::string description;              ///< "checkpoint models/llama", "preset planted", "initialised from seed 1"
  std::filesystem::path folder = {};    ///< of a checkpoint; else empty
  std::vector<std::string> notes = {};  ///< what was left out or taken without being said

  /// Reads the whole table. A checkpoint wins over a preset. Throws InputError.
  static ModelSource from(Settings& model, const std::string& rule, std::uint64_t seed);
};

/// model.stored, of a checkpoint: "as in the file", "f32", "f16", "bf16", or a storage format that can be written: "q8_0".
std::string read_stored(Settings& model);

/// A preset makes a source from its `[model]` table; it registers itself under the name that `preset` says.
using ModelPresets = Registry<std::function<ModelSource(Settings&)>>;

}  // namespace ablate
