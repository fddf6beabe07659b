// Asks a physical device what it can do.
#pragma once

#include "vulkan/caps.h"
#include "vulkan/handles.h"

#include <string>

namespace ablate {

/// Fills `caps` with what is advertised. Returns why Ablate cannot run there (a missing required feature), or "".
std::string probe_caps(VkInstance instance, VkPhysicalDevice physical, Caps& caps);

}  // namespace ablate
