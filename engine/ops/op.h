// What op files share.
#pragma once

#include "base/registry.h"
#include "graph/cut.h"

#include <cstdint>

namespace ablate {

/// Specialization of a kernel for the element type of its In/Out pointers.
inline Specialization for_type(const Tensor& x) { return {{"DTYPE", static_cast<std::uint32_t>(x.dtype)}}; }

}  // namespace ablate
