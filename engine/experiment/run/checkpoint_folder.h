// A training checkpoint on disk: replaced as a whole, so that a kill at any moment leaves a complete one.
#pragma once

#include "experiment/fingerprint.h"
#include "train/trainer.h"

#include <filesystem>
#include <optional>
#include <string>

namespace ablate {

/// Where a training stands, and what brought it there.
struct SavedTraining {
  std::filesystem::path file;
  std::int64_t step = 0;  ///< steps done
  Fingerprint settings;
  std::string device;
};

/// points/<id>/checkpoint: model.safetensors and config.json in Hugging Face's layout, and optimizer.safetensors beside them.
class TrainingCheckpoint {
 public:
  explicit TrainingCheckpoint(std::filesystem::path point) : point_(std::move(point)) {}

  /// Writes a new folder and swaps it in. Throws RunError (a full disk, no permission); the old checkpoint is then untouched.
  void save(const Weights& weights, const Trainer& trainer, const Fingerprint& settings, const std::string& device) const;

  /// What was saved last; nothing if nothing was. Throws InputError when the file is broken or does not say which settings made it.
  std::optional<SavedTraining> saved() const;

  /// Restores what save() wrote last, whenever the process died since. Returns whether there was anything.
  bool load(Weights& weights, Trainer& trainer) const;

 private:
  std::filesystem::path newest() const;

  std::filesystem::path point_;
};

}  // namespace ablate
