// One function of a device replaced by a test's own.
#pragma once

#include "vulkan/device.h"

#include <volk.h>

#include <type_traits>

namespace ablate::test {

/// For as long as it lives, the device calls `function`, which may call real(). Vulkan's functions carry no data of ours: one at a time for each
/// entry, and what `function` needs is static. ReplacedCall<&VolkDeviceTable::vkMapMemory> call(device, [](...) { ... });
template <auto entry>
class ReplacedCall {
 public:
  using Function = std::remove_reference_t<decltype(std::declval<VolkDeviceTable&>().*entry)>;

  ReplacedCall(const Device& device, Function function) : table_(const_cast<VolkDeviceTable&>(device.vk())) {
    real_ = table_.*entry;
    table_.*entry = function;
  }
  ~ReplacedCall() { table_.*entry = real_; }
  ReplacedCall(const ReplacedCall&) = delete;
  ReplacedCall& operator=(const ReplacedCall&) = delete;

  static Function real() { return real_; }

 private:
  static inline Function real_ = nullptr;
  VolkDeviceTable& table_;
};

}  // namespace ablate::test
