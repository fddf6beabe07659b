// What op files share.
#pragma once

#include "base/registry.h"
#include "base/storage_format.h"
#include "graph/cut.h"

#include <cstdint>
#include <string>

namespace ablate {

/// Specialization of a kernel for the element type of its In/Out pointers.
inline Specialization for_type(const Tensor& x) { return {{"DTYPE", static_cast<std::uint32_t>(x.dtype)}}; }

/// The kernel that reads weights of such a type: compiled for a storage format, "matmul/tiled.q4_0", or as it stands.
inline std::string stored_kernel(std::string kernel, DType weights) {
  return is_blocks(weights) ? fmt::format("{}.{}", kernel, name_of(weights)) : std::move(kernel);
}

}  // namespace ablate
