#include "experiment/run/checkpoint_writer.h"

#include <chrono>
#include <utility>

namespace ablate {

bool CheckpointWriter::busy() {
  if (!writing_.valid()) return false;
  if (writing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return true;
  writing_.get();
  return false;
}

void CheckpointWriter::start(const CheckpointContent& content) {
  finish();
  writing_ = std::async(std::launch::async, [this, copy = content.copied()] { checkpoint_.save(copy); });
}

void CheckpointWriter::finish() {
  if (writing_.valid()) writing_.get();
}

}  // namespace ablate
