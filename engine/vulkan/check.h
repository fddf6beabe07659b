// Every VkResult goes through here.
#pragma once

#include <volk.h>

#include <string_view>

namespace ablate {

/// The specification's name of a result ("VK_ERROR_DEVICE_LOST").
std::string_view name_of(VkResult result);

/// Throws RunError "call: VK_ERROR_..." unless `result` is VK_SUCCESS; DeviceError when memory ran out.
void check(VkResult result, std::string_view call);

}  // namespace ablate
