// A training checkpoint on disk: replaced as a whole, so that a kill at any moment leaves a complete one.
#pragma once

#include "train/trainer.h"

#include <filesystem>
#include <string>

namespace ablate {

/// points/<id>/checkpoint: model.safetensors and config.json in Hugging Face's layout, and optimizer.safetensors beside them.
class TrainingCheckpoint {
 public:
  explicit TrainingCheckpoint(std::filesystem::path point) : point_(std::move(point)) {}

  /// Writes a new folder and swaps it in. Throws RunError (a full disk, no permission); the old checkpoint is then untouched.
  void save(const Weights& weights, const Trainer& trainer) const;

  /// Restores what save() wrote last, whenever the process died since. Returns whether there was anything.
  bool load(Weights& weights, Trainer& trainer) const;

 private:
  std::filesystem::path newest() const;

  std::filesystem::path point_;
};

}  // namespace ablate
