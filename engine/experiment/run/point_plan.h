// What a point needs of a device, known before it starts.
#pragma once

#include "experiment/run/work.h"
#include "vulkan/device.h"

#include <cstdint>
#include <string>

namespace ablate {

/// Bytes of device memory that a point takes at most.
struct MemoryNeed {
  std::uint64_t parameters = 0;  ///< with gradients and the optimizer's state where they are trained
  std::uint64_t step = 0;        ///< activations of a training step
  std::uint64_t evaluation = 0;  ///< activations of the largest evaluation
  std::uint64_t total() const { return parameters + step + evaluation; }
};

/// "12.3 MB: 1.0 MB for parameters, ..."
std::string to_text(const MemoryNeed& need);

/// A point before it runs.
struct PointPlan {
  MemoryNeed memory;
  Work work;
  double parameters = 0, tokens = 0;  ///< tokens trained on, or probed
  std::string refusal;  ///< why the device cannot do it whatever memory is free ("logits: 5 GB in one allocation ..."); empty if it can
  std::string advice;   ///< what to change when it does not fit
  std::string largest;  ///< the name of its largest activation, of so many bytes
  std::uint64_t largest_bytes = 0;
};

/// Why the point does not fit `device` as it is now, and what to change; empty when it fits.
std::string why_not(const PointPlan& plan, const Device& device);

}  // namespace ablate
