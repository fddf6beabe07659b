// Training checkpoints on disk: each replaced as a whole, so that a kill at any moment leaves a complete one.
#pragma once

#include "experiment/fingerprint.h"
#include "train/trainer.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// Where a training stands, and what brought it there.
struct SavedTraining {
  std::filesystem::path file;
  std::int64_t step = 0;  ///< steps done
  Fingerprint settings;
  std::string device;
};

/// All that a checkpoint holds; tensors are read when they are written.
struct CheckpointContent {
  TransformerConfig config;
  std::vector<TensorToWrite> weights, state;  ///< of model.safetensors, of optimizer.safetensors
  Metadata notes;                             ///< of the latter

  static CheckpointContent of(const Weights& weights, const Trainer& trainer, const Fingerprint& settings, const std::string& device);
  /// The same in host memory: later steps change nothing of it.
  CheckpointContent copied() const;
};

/// points/<id>/checkpoint: model.safetensors and config.json in Hugging Face's layout, and optimizer.safetensors beside them.
class TrainingCheckpoint {
 public:
  /// `keep` checkpoints stay: those before the newest as checkpoint-STEP.
  explicit TrainingCheckpoint(std::filesystem::path point, int keep = 1) : point_(std::move(point)), keep_(keep) {}

  /// Writes a new folder and swaps it in. Throws RunError (a full disk, no permission); the old checkpoint is then untouched.
  void save(const CheckpointContent& content) const;

  /// What was saved last; nothing if nothing was. Throws InputError when the file is broken or does not say which settings made it.
  std::optional<SavedTraining> saved() const;

  /// Restores what save() wrote last, whenever the process died since. Returns whether there was anything.
  bool load(Weights& weights, Trainer& trainer) const;

 private:
  std::filesystem::path newest() const;
  void put_away(const std::filesystem::path& old) const;

  std::filesystem::path point_;
  int keep_;
};

}  // namespace ablate
