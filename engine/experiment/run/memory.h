// What a point needs of the device's memory, known before it starts.
#pragma once

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

}  // namespace ablate
