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

}  // namespace ablate
