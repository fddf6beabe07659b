// Finds the fastest kernel of every matrix product that a graph asked about.
#pragma once

#include "graph/choices.h"
#include "vulkan/pipeline.h"

#include <functional>
#include <string>

namespace ablate {

/// Answers the open questions of `choices` that are about matrix products: times the kernels of matmul_candidates() on the device and keeps
/// the fastest. Build the graph once with `choices`, tune, and build it again with the answers. A product that does not fit the free
/// memory, and any on a device without timestamps or on a CPU (whose clock measures its other work too), is answered with its default, so
/// that a recorded answer always exists. `progress` is called with each question and its answer. Returns how many were answered.
std::size_t tune_matmul(Pipelines& pipelines, Choices& choices,
                        const std::function<void(const std::string&, const std::string&)>& progress = {});

/// Tunes as graphs ask, and keeps what it found.
class Tuner {
 public:
  /// Called when there are new answers, with how many were timed (none: they took no timing) and the seconds that it took. May put others in their place.
  using Keep = std::function<void(Choices&, std::size_t, double)>;

  /// Begins with `known` answers.
  Tuner(Pipelines& pipelines, Choices known, Keep keep) : pipelines_(pipelines), choices_(std::move(known)), keep_(std::move(keep)) {}

  /// For graphs to be built with; lives as long as this.
  const Choices& choices() const { return choices_; }
  Choices& choices() { return choices_; }
  /// Answers what was asked since; true when there was something: build the graph again.
  bool tune();
  /// Keeps an answer that takes no timing.
  void record(const std::string& question, const std::string& answer);

 private:
  Pipelines& pipelines_;
  Choices choices_;
  Keep keep_;
};

}  // namespace ablate
