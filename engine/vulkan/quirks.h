// Driver bugs, as data.
#pragma once

#include "vulkan/caps.h"

namespace ablate {

/// Masks what known driver bugs break and notes the row in caps.quirks.
void apply_quirks(Caps& caps);

}  // namespace ablate
