// A Vulkan handle that goes with its owner.
#pragma once

#include "vulkan/handles.h"

#include <utility>

namespace ablate {

class Device;

/// One handle of a device: moves, never copies, empty by default. Destroying it waits until the device has done all it was given, so that
/// nothing goes that the device may still touch, whatever the order in which owners die and also while an exception unwinds.
template <class Handle>
class Owned {
 public:
  Owned() = default;
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  operator Handle() const { return handle_; }

  /// Where a vkCreate or vkAllocate function puts the handle.
  Handle* on(const Device& device) {
    reset();
    device_ = &device;
    return &handle_;
  }
  void reset() noexcept;

 private:
  const Device* device_ = nullptr;
  Handle handle_ = nullptr;
};

}  // namespace ablate
