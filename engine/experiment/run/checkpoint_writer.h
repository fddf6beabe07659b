// Checkpoints written while the training goes on.
#pragma once

#include "experiment/run/checkpoint_folder.h"

#include <future>

namespace ablate {

/// One at a time, by a thread that has a copy in host memory. What goes wrong in the thread is thrown by the next call.
class CheckpointWriter {
 public:
  explicit CheckpointWriter(const TrainingCheckpoint& checkpoint) : checkpoint_(checkpoint) {}
  /// Waits for the one that is being written.
  ~CheckpointWriter() = default;

  /// Whether one is still being written. Throws RunError where that failed.
  bool busy();

  /// Copies the content, which is all that the caller waits for. Not while busy.
  void start(const CheckpointContent& content);

  /// Returns when everything is on the disk. Throws RunError where that failed.
  void finish();

 private:
  const TrainingCheckpoint& checkpoint_;
  std::future<void> writing_;
};

}  // namespace ablate
