// How fast a device works, as far as it has shown: what decides where long work is cut into submissions.
//
// Systems end a submission that takes too long, and with it the program or the desktop: Windows after 2 s, i915 after 0.64 s, macOS after 5 s.
#pragma once

#include "vulkan/caps.h"

#include <mutex>

namespace ablate {

/// What a launch does at least: floating-point operations, and bytes that it reads and writes.
struct Cost {
  double flop = 0;
  double bytes = 0;
};

/// As much as one launch should do, so that no device of the type is at it for long: a quarter of a second at the pace of a slow one.
Cost most_of_a_launch(const Caps& caps);

class DeviceSpeed {
 public:
  /// Until work has been measured the device counts as a slow one of its type.
  explicit DeviceSpeed(const Caps& caps);

  /// Seconds that a launch of so much work is expected to take.
  double seconds(const Cost& work) const;

  /// Takes in that work which seconds() expected to take `expected` took `measured`.
  void learn(double expected, double measured) const;

 private:
  double flop_per_second_, bytes_per_second_;
  mutable std::mutex mutex_;
  mutable double slowness_ = 1;  // measured over expected, of the rates above
};

}  // namespace ablate
